#!/bin/sh
# python.t - the Python package's own tests, which need no broker
. "${0%/*}/lib.sh"

PYTHONPATH=$here:$top/python
for program in "$here"/py_*.py; do
    run_tap python3 "$program"
done
finish
