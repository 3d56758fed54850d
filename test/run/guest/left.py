# SPDX-License-Identifier: MIT
"""left.py BEFORE AFTER: what a program left behind in its box, of two answers of nestbox show --json."""
import json
import sys

before, after = (json.load(open(path)) for path in sys.argv[1:])
left = []


def want(what, is_so, figure):
    if not is_so:
        left.append("%s: %s" % (what, figure))


want("containers", after["n_containers"] == 0, after["containers"])
want("extents", after["extents"] == before["extents"], (before["extents"], after["extents"]))
for group in after["groups"]:
    free = not group["open"] and not group["open_devices"] and group["container"] is None
    want("group " + group["name"], free, group)
for device in after["devices"]:
    want("opens of " + device["at"], device["opens"] == 0, device["opens"])
    want("interrupts of " + device["at"], not device["irqs"]["eventfds"], device["irqs"])
print("\n".join(left) or "nothing")
sys.exit(bool(left))
