"""Are the claims of the defaults right? Suites of simulated experiments with a known truth.

`make calibrate` runs them through the shipped analysis code and writes docs/calibration.md:

    python -m calibration            the whole of it, resumed where it was stopped
    python -m calibration S1 S7      some suites, without writing the page

`cells.py` says what a suite is made of, `suites.py` lists the suites (one file each), `runner.py`
runs them on all cores, `judge.py` holds them against what is promised, `page.py` writes.
"""
