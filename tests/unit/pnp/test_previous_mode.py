# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The mode of the caller in what the system itself asks of a driver."""

from __future__ import annotations

from dirql.wdm import (
    DEVICE_OBJECT,
    DRIVER_OBJECT,
    IRP,
    ExGetPreviousMode,
    IoRegisterDriverReinitialization,
    KernelMode,
    UserMode,
)
from fakes.pci_function import FakeFunction
from unit.pnp.conftest import Opener
from unit.pnp.recorder import Recorder


class Mode(Recorder):
    """A driver that asks for the previous mode in what the system asks of it."""

    def __init__(self) -> None:
        super().__init__()
        self.modes: dict[str, int] = {}

    def enter(self, driver: DRIVER_OBJECT, registry_path: str) -> int:
        self.modes["DriverEntry"] = ExGetPreviousMode()
        IoRegisterDriverReinitialization(driver, self.reinitialize, None)
        return super().enter(driver, registry_path)

    def reinitialize(self, driver: DRIVER_OBJECT, context: object, count: int) -> None:
        self.modes["reinitialization"] = ExGetPreviousMode()

    def add_device(self, driver: DRIVER_OBJECT, physical: DEVICE_OBJECT) -> int:
        self.modes["AddDevice"] = ExGetPreviousMode()
        return super().add_device(driver, physical)

    def pnp(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        self.modes["IRP_MJ_PNP"] = ExGetPreviousMode()
        return super().pnp(device, irp)

    def unload(self, driver: DRIVER_OBJECT) -> None:
        self.modes["Unload"] = ExGetPreviousMode()
        super().unload(driver)


def test_HIO_14_the_previous_mode_is_kernel_mode_in_what_the_system_asks(open_bus: Opener) -> None:
    recorder = Mode()
    machine = open_bus(FakeFunction())
    driver = machine.load_driver(recorder)
    assert ExGetPreviousMode() == UserMode
    machine.unload_driver(driver)
    calls = ("DriverEntry", "reinitialization", "AddDevice", "IRP_MJ_PNP", "Unload")
    assert recorder.modes == dict.fromkeys(calls, KernelMode)
    assert ExGetPreviousMode() == UserMode
