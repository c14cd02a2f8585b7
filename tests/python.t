#!/bin/sh
# python.t - the Python package's own tests, which need no broker
. "${0%/*}/lib.sh"

PYTHONPATH=$here:$top/python
for subject in wire payload handle dispatch reactor brokermod modexec; do
    run_tap python3 "$here/py_$subject.py"
done
finish
