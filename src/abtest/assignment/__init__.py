"""Which variant a unit gets: one hash, the same answer everywhere, standard library only.

    key = salt + ":" + unit                  UTF-8, byte for byte
    hex = sha256(key), lowercase
    n1  = int(hex[0:13], 16)                 chooses the variant
    n2  = int(hex[13:26], 16)                decides coverage, independent of n1

The formula is named ``sha256-52`` and is frozen: a change to any answer would be a new formula with
a new name. ``tests/golden/assignment_v1.json`` holds vectors that every implementation must meet.
"""

from abtest.assignment.experiment import Assignment, Experiment, assign

__all__ = ["Assignment", "Experiment", "assign"]
