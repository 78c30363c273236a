# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Each rule of Static Driver Verifier is checked as docs/driver-verifier.md says."""

from __future__ import annotations

import re

import pytest

from compiled import COMPILED
from wdm_rules.book import STEPS, Rule, ending_of, rules, run
from wdm_rules.page import PAGE, page

BROKEN = [rule for rule in rules() if rule.driver]
OTHER_TYPE = {"IrqlIoPassive2"}
"""Rules whose drivers pass None for an object, which compiled code refuses before it looks at the level."""


@pytest.mark.row("IRP-22", "IRP-23", "IRP-24", "IRP-25", "HIO-16", "EVT-09", "RML-04")
@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: rule.name)
def test_a_driver_that_breaks_a_rule_is_told(rule: Rule) -> None:
    assert rule.says
    if COMPILED and rule.name in OTHER_TYPE:
        pytest.skip("compiled code refuses an argument of another type where the routine begins")
    ending = ending_of(rule)
    assert ending.says == rule.says
    assert "rule_driver" in ending.message


@pytest.mark.parametrize("step", STEPS)
def test_the_right_driver_is_told_nothing(step: str) -> None:
    assert run("", (step,)).says == ""


def test_a_rule_has_a_driver_or_says_why_not() -> None:
    names = [rule.name for rule in rules()]
    assert len(names) == len(set(names)) > 150
    for rule in rules():
        assert sum(map(bool, (rule.driver, rule.like, rule.note))) == 1, rule.name
        assert not rule.like or rule.like in {each.name for each in BROKEN}, rule.name


@pytest.mark.skipif(COMPILED, reason="the page has the words of the kernel in Python")
def test_the_page_has_the_messages_of_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def told(driver: str, *does: str) -> str:
    ending = run(driver, does)
    return f"{ending.says}: {ending.message}"


def test_PNP_26_a_request_goes_down_once() -> None:
    twice = """
def Start(device, irp):
    wdm.IoForwardIrpSynchronously(device.device_extension.lower, irp)
    wdm.IoForwardIrpSynchronously(device.device_extension.lower, irp)
    return Complete(irp, irp.io_status.status)
"""
    assert "PNP-26: a driver must pass a Plug and Play request down once; <IRP" in told(twice, "open")


def test_PNP_27_a_device_is_detached_after_the_removal_went_down() -> None:
    early = """
def Remove(device, irp):
    lower = device.device_extension.lower
    wdm.IoDetachDevice(lower)
    status = Answer(device, irp)
    wdm.IoDeleteDevice(device)
    return status
"""
    assert "PNP-27: a driver must detach after it has passed IRP_MN_REMOVE_DEVICE down" in told(
        early, "remove"
    )


@pytest.mark.parametrize(("major", "code"), [("IRP_MJ_PNP", "0x20e"), ("IRP_MJ_SYSTEM_CONTROL", "0x210")])
def test_IRP_22_a_request_of_a_driver_begins_with_not_supported(major: str, code: str) -> None:
    sends = f"""
def Control(device, irp):
    own = wdm.IoAllocateIrp(device.device_extension.lower.stack_size, False)
    wdm.IoGetNextIrpStackLocation(own).major_function = wdm.{major}
    wdm.IoCallDriver(device.device_extension.lower, own)
    return Complete(irp, wdm.STATUS_SUCCESS)
"""
    assert f"0xc9/{code}: {major} must begin with STATUS_NOT_SUPPORTED" in told(sends, "control")


@pytest.mark.parametrize("call", ["KeSetEvent(event, 0, True)", "KePulseEvent(event, 0, True)"])
def test_EVT_09_an_event_is_not_set_with_a_wait_at_dispatch_level(call: str) -> None:
    sets = f"""
def Control(device, irp):
    event = device.device_extension.event
    old = wdm.KeRaiseIrqlToDpcLevel()
    wdm.{call}
    wdm.KeLowerIrql(old)
    return Complete(irp, wdm.STATUS_SUCCESS)
"""
    assert "must be called at or below APC_LEVEL if Wait is TRUE" in told(sets, "control")


@pytest.mark.skipif(COMPILED, reason="compiled code refuses a value of another type in its own words")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "device.driver_object.major_function = {}",
            "major_function of <driver rule_driver> must be the list of 28",
        ),
        (
            "device.flags = None",
            "flags of <device .Device.Rule of <driver rule_driver>> must be a number of 32 bits",
        ),
        (
            "device.stack_size = 0",
            "stack_size of <device .Device.Rule .* must be the number of stack locations",
        ),
    ],
)
def test_a_member_that_is_replaced_after_add_device_is_told_where(change: str, words: str) -> None:
    driver = f"""
def Create(device, irp):
    {change}
    return Complete(irp, wdm.STATUS_SUCCESS)
"""
    message = told(driver, "open", "read")
    assert re.search(words, message), message
    assert "in Create (" in message


@pytest.mark.skipif(COMPILED, reason="compiled code refuses a value of another type in its own words")
@pytest.mark.parametrize("member", ["version", "maximum_length", "master"])
def test_a_device_description_has_numbers_only(member: str) -> None:
    driver = f"""
def Control(device, irp):
    description = wdm.DEVICE_DESCRIPTION()
    description.{member} = "x"
    wdm.IoGetDmaAdapter(device.device_extension.physical, description)
    return Complete(irp, wdm.STATUS_SUCCESS)
"""
    wanted = f"IoGetDmaAdapter: {member} of the DEVICE_DESCRIPTION must be an integer; it was 'x'"
    assert wanted in told(driver, "control")
