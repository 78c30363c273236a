# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The drivers in C of the open machine: their images, their memory, and their faults."""

from __future__ import annotations

import struct
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final, cast

from dirql.c.core.arena import Arena
from dirql.c.core.binding import bind, exported_names
from dirql.c.core.building import native
from dirql.c.core.callouts import callout_routines
from dirql.c.core.driver_paging import DriverPaging
from dirql.c.core.fast_io import FastIo
from dirql.c.core.faults import Faults
from dirql.c.core.forms import NUMBERS, POINTER, STATUS
from dirql.c.core.images import BuiltDriver, Contents, Image, SharedLibrary
from dirql.c.core.objects import Objects
from dirql.c.core.own_routines import own_routines
from dirql.c.core.page_tables import RESERVED, ProcessPages
from dirql.c.core.shadow import CHECKED, Shadow
from dirql.c.core.stubs import DATA, STUBS
from dirql.c.core.variables import fill_variables
from dirql.c.core.windows_images import OTHER_NAMES, WindowsImage
from dirql.hal.hal import running as hal
from dirql.io.manager import running as io_manager
from dirql.io.objects import DriverEntry, DriverObject
from dirql.ke.origin import Mark, Origin, find_foreign, note_foreign
from dirql.mm.manager import MemoryManager, running as memory_manager
from dirql.nt.ntstatus import NTSTATUS, StatusException
from dirql.target.simulation.toolchain import SetupError

__all__ = ["Session", "load_image"]

WATCHDOG_SECONDS: Final = 5
"""The seconds of computing after which a driver that calls no routine of the kernel is stopped."""

_ULONG: Final = NUMBERS["u4"]
_ADDRESS: Final = NUMBERS["u8"]
_FRAME: Final = struct.Struct("<QQ")
_RUNTIME: Final = Path(__file__).resolve().parents[1] / "runtime"
_MEMORY_ROUTINES: Final = frozenset(str(_RUNTIME / name) for name in ("memory.c", "address.c"))
"""The files of the runtime with memset and its kin, and with the checks of the sanitizer, all of which have frames."""
_EMPTY: Final = compile("", "", "exec")

_open: list[Session] = []
"""The drivers in C of the open machine, if it has any."""
_reserved: list[bool] = []


class Session:
    """The part of one machine that is for drivers in C."""

    def __init__(self, manager: MemoryManager) -> None:
        self.native = native()
        self.manager = manager
        target = hal.value.target
        if target.memory_file is None:
            raise SetupError(
                f"drivers in C need a target whose RAM is in a file; that of the target {target.name} is not",
                "run them on the target verilated or cocotb",
            )
        _reserve()
        self.arena = Arena(self.native, manager)
        self.pages = ProcessPages(self.native, manager, target.memory_file, self._close)
        self.shadow = Shadow(self.native, manager)
        self.pages.forgotten = self.shadow.unmapped
        self.faults = Faults(self.native, self.pages)
        self.objects = Objects(self.native, manager, self.arena, self.faults.make_usable)
        self.objects.image_of = self.faults.image_of = self.image_of
        self.images: list[LoadedImage] = []
        self._places: dict[int, CodeType] = {}
        """The code objects for places in C, by the addresses behind the calls there."""
        self._own = {
            **own_routines(self.native, self.objects, self.faults, self.arena),
            **DriverPaging(self.image_of).routines(),
            **callout_routines(self.native, self.arena),
        }
        manager.observe(self.pages)
        io_manager.value.hooks.driver_gone = self._unload
        io_manager.value.hooks.fast_control = FastIo(self.native, self.objects, self.arena).control
        fill_variables(self.native, self.arena, self.objects.address_of)
        self.native.hooks(NTSTATUS, self.objects.address_of, self.objects.find_known)
        self.native.call_hooks(self.arena.stack, self.faults.on_fault, StatusException, note_foreign)
        find_foreign(self.native.driver_place, self._place_in_c)
        self.native.watch(self.pages.recheck, WATCHDOG_SECONDS)
        self._own["dirql_system_routine"] = self._system_routine
        self._own[CHECKED] = self.shadow.error
        for name, back, forms in (
            (CHECKED, STATUS, (_ADDRESS, _ADDRESS, _ADDRESS, _ULONG, POINTER, _ADDRESS)),
            ("dirql_debug_print", STATUS, (_ULONG, _ULONG, POINTER, _ULONG)),
            ("dirql_system_routine", POINTER, (POINTER, _ULONG)),
        ):
            values = tuple((place, (form, None)) for place, form in enumerate(forms))
            self.native.bind(STUBS[name], self._own[name], (back, None), values, ())
        bind(
            self.native, [name for name in STUBS if name.startswith("dirql_member_")], self.objects, self._own
        )

    def load(self, built: BuiltDriver) -> LoadedImage:
        """Load a driver, from a library of its own, so that each load has variables of its own."""
        names = {OTHER_NAMES.get(name, name) for name in built.imports}
        bind(self.native, names, self.objects, self._own)
        if CHECKED in built.imports:
            self.shadow.begin()
        image = LoadedImage(self, built)
        self.images.append(image)
        return image

    def image_of(self, address: int) -> LoadedImage | None:
        """The image that holds an address."""
        return next((each for each in self.images if each.holds(address)), None)

    def _unload(self, driver: object) -> None:
        """The image of a driver goes, with the objects in its data."""
        for image in self.images:
            if image.driver is driver and not image.is_unloaded:
                self.objects.forget(image.base, image.end - image.base)
                image.unload()

    def _system_routine(self, address: int, length: int) -> int | None:
        """The address of the routine or variable of a name in UTF-16; None without one."""
        self.faults.make_usable(address, length, write=False)
        name = self.native.read_bytes(address, length).decode("utf-16-le", "replace")
        if name in DATA:
            return self.native.symbol(0, name)
        if name not in exported_names() or name not in STUBS:
            return None
        bind(self.native, [name], self.objects, self._own)
        return self.native.stub_address(STUBS[name])

    def _place_in_c(self, found: object) -> Mark:
        """The place of code in C that `driver_place` of the core has found.

        Memset and its kin stand for the driver's routine that has called them.
        """
        rip, rbp, base, top = cast(tuple[int, int, int, int], found)
        code = self._code_of(rip)
        while (code is None or _is_memory_routine(code)) and base <= rbp < top - 8:
            rbp, rip = _FRAME.unpack(self.native.read_bytes(rbp, _FRAME.size))
            code = self._code_of(rip) or code
        return code or _code_at(Origin("a driver in C", "unknown", 0)), -1

    def _code_of(self, rip: int) -> CodeType | None:
        """The code object for an instruction of a driver; None for one of anything else."""
        code = self._places.get(rip)
        if code is None:
            image = self.image_of(rip)
            code = None if image is None else _code_at(image.origin(rip - 1))
            if code is not None:
                self._places[rip] = code
        return code

    def _close(self) -> None:
        """Take everything back; the machine has closed."""
        find_foreign(None)
        self.native.watch(None, 0)
        self.native.call_hooks(None, None, None, None)
        self.native.hooks(None, None, None)
        self.native.forget_machine()
        for image in self.images:
            for address, pages in image.close():
                self.pages.discard(address, pages)
        self.shadow.end()
        self.objects.close()
        _open.remove(self)


def _is_memory_routine(code: CodeType) -> bool:
    """Whether code is that of memset and its kin, which each driver is linked with."""
    return code.co_filename in _MEMORY_ROUTINES


def _code_at(place: Origin) -> CodeType:
    """A code object that stands for a place in C."""
    return _EMPTY.replace(
        co_name=place.routine,
        co_qualname=place.routine,
        co_filename=place.file,
        co_firstlineno=place.line,
        co_linetable=b"",
    )


class LoadedImage(Image):
    """The image of a driver of the open machine."""

    def __init__(self, session: Session, built: BuiltDriver) -> None:
        native = session.native
        contents: Contents = (
            SharedLibrary(native, built.library)
            if built.windows is None
            else WindowsImage(native, built, built.windows)
        )
        super().__init__(native, session.arena, built, contents, session.pages)
        self._session = session
        self.driver: object = None
        """The driver object, from DriverEntry on."""

    @property
    def entry(self) -> DriverEntry:
        """DriverEntry, for a call by Python."""
        address = self.symbol(self.built.entry)
        if address == 0:
            raise ValueError(
                f"a driver in C must have a function {self.built.entry}(DriverObject, RegistryPath);"
                f" {self.built.name} has none"
            )
        values = ((POINTER, None), (POINTER, None))
        routine = self._session.native.CRoutine(address, (STATUS, None), values, 0, self, "DRIVER_INITIALIZE")
        return _Entry(self, cast(DriverEntry, routine), self.origin(address))


class _Entry:
    """DriverEntry, after which the code that was for it only goes."""

    def __init__(self, image: LoadedImage, routine: DriverEntry, origin: Origin) -> None:
        self._image = image
        self._routine = routine
        self.origin = origin
        """The place of the routine in its source."""

    def __repr__(self) -> str:
        return str(self.origin)

    def __call__(self, driver_object: DriverObject, registry_path: str) -> int:
        """Call the routine of the driver."""
        self._image.driver = driver_object
        status = self._routine(driver_object, registry_path)
        self._image.discard_init()
        return status


def load_image(built: BuiltDriver) -> LoadedImage:
    """Load a driver that has been compiled into the open machine; raises `SetupError` where that cannot be."""
    if not isinstance(note_foreign, FunctionType):
        raise SetupError(
            "drivers in C need the kernel in plain Python; this one is compiled",
            "install dirql without the compiled kernel",
        )
    manager = memory_manager.value
    if not _open:
        _open.append(Session(manager))
    return _open[0].load(built)


def _reserve() -> None:
    """Keep the addresses of the machine free in this process."""
    if _reserved:
        return
    for start, size in RESERVED:
        try:
            native().reserve(start, size)
        except OSError as error:
            raise SetupError(
                f"the addresses {start:#x} to {start + size:#x}, at which drivers in C find memory, are in use in this"
                f" process ({error.strerror})",
                "load drivers in C before other libraries, or in a process of their own",
            ) from error
    _reserved.append(True)
