# SPDX-License-Identifier: MIT
"""D: descriptors, files, disks and limits."""

import resource

from fault import COUNTED, Fault

FAULTS = [
    Fault("D1", "closefrom(3), then 12 files of its own", ("closes_descriptors", "{work}")),
    Fault("D4", "RLIMIT_FSIZE 300,000 bytes", ("steady_events", "500000"),
          limits={resource.RLIMIT_FSIZE: 300000}, recorded=COUNTED),
]
