#!/bin/sh
# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
#
#   host/bootstrap.sh EXTRA       makes .venv and installs dirql into it, editable, with that extra
#   host/bootstrap.sh --missing   prints the Debian packages that have to be installed before that can work
#
# What a Python environment cannot bring itself (Python, g++, make, perl) is looked for first, and what is missing is
# said in one sentence. Needs nothing but a POSIX shell; $PYTHON and $CXX name other programs than python3 and g++.
set -eu

wanted=${1:?usage: host/bootstrap.sh EXTRA or --missing}
cd "${0%/*}/.."

there() { command -v "$1" >/dev/null 2>&1; }
fits() { there "$1" && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if fits "$candidate"; then
        python=$candidate
        break
    fi
done

missing='' packages=''
lacks() { missing="$missing${missing:+, }$1" packages="$packages${packages:+ }$2"; }

if [ -z "$python" ]; then
    lacks "Python 3.11 or later" "python3 python3-venv"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    lacks "Python's venv and ensurepip modules" python3-venv
fi
there "${CXX:-g++}" || lacks "a C++ compiler (${CXX:-g++})" g++
there make || lacks make make
there perl || lacks perl perl

if [ "$wanted" = --missing ]; then
    echo "$packages"
    exit 0
fi
if [ -n "$missing" ]; then
    echo "dirql needs $missing: install it, on Debian and Ubuntu with: apt install $packages" >&2
    exit 2
fi

if ! fits .venv/bin/python; then
    echo "dirql: making a Python environment in .venv" >&2
    "$python" -m venv --clear .venv
fi
echo "dirql: installing dirql[$wanted] into .venv (about a minute)" >&2
.venv/bin/python -m pip install -qq --disable-pip-version-check --editable ".[$wanted]"
