#!/bin/sh
# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
#
#   host/bootstrap.sh EXTRA       makes .venv and installs dirql into it, editable, with that extra
#   host/bootstrap.sh --missing   prints the Debian packages that have to be installed before that can work
#   host/bootstrap.sh --fits      succeeds if .venv is an environment of this folder with dirql in it
#
# What a Python environment cannot bring itself (Python, g++, make, perl) is looked for first, and what is missing is
# said in one sentence. Needs nothing but a POSIX shell; $PYTHON and $CXX name other programs than python3 and g++.
#
# An installation that was interrupted is found by its traces and done again, and so is one that came here with a folder
# that was renamed or copied. Of two at once the second waits.
set -eu

wanted=${1:?usage: host/bootstrap.sh EXTRA, --missing or --fits}
case $0 in */*) cd "${0%/*}/.." ;; *) cd .. ;; esac
here=$(pwd -P)

there() { command -v "$1" >/dev/null 2>&1; }
fits() { there "$1" && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The folder for which .venv was made stands in a file that is written when Python and pip are in it.
is_ours() { [ "$(cat .venv/.folder 2>/dev/null)" = "$here" ] && fits .venv/bin/python; }

# pip writes the list of a package's files last. A package without the list, or that lacks a file of it, was interrupted.
is_whole() {
    .venv/bin/python -c '
import importlib.metadata, sys
def whole(package):
    files = package.files
    return bool(files) and all(f.size is None or f.locate().stat().st_size == f.size for f in files)
try:
    import pip
    sys.exit(not all(map(whole, importlib.metadata.distributions())))
except (ImportError, OSError):
    sys.exit(1)' 2>/dev/null
}

works() { is_ours && .venv/bin/python -c 'import dirql' 2>/dev/null; }

if [ "$wanted" = --fits ]; then
    works
    exit
fi

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
cxx=${CXX:-g++}
there "${cxx%% *}" || lacks "a C++ compiler ($cxx)" g++
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
case $here in *:*)
    echo "dirql needs a folder without a colon in its path, which Python's environments do not bear; it is in $here" >&2
    exit 2
    ;;
esac
if ! { mkdir -p .venv && : >>.venv/.lock; } 2>/dev/null; then
    echo "dirql needs to write .venv in its folder, and cannot: copy $here to a place that can be written" >&2
    exit 2
fi

# The lock belongs to the open file, so that it stays when the Python that takes it ends. It goes with this shell.
exec 9>>.venv/.lock
lock='import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("dirql: another process sets up .venv; waiting for it", file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)'
"$python" -c "$lock"
trap 'exit 130' INT

done=.venv/.installed-$wanted
if works && [ "$done" -nt pyproject.toml ] && [ "$done" -nt host/bootstrap.sh ]; then
    exit 0 # another process has done it meanwhile
fi
if ! { is_ours && is_whole; }; then
    echo "dirql: making a Python environment in .venv" >&2
    find .venv -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
    "$python" -m venv .venv
    printf '%s\n' "$here" >.venv/.folder
fi
echo "dirql: installing dirql[$wanted] into .venv (about a minute)" >&2
.venv/bin/python -m pip install -qq --disable-pip-version-check --editable ".[$wanted]"
# pip compiles no editable package, and where PYTHONDONTWRITEBYTECODE is set Python never keeps the bytecode of one:
# importing dirql would take four times as long in each process, and the tests start some hundred.
.venv/bin/python -m compileall -qq host/dirql || true
[ "$wanted" != dev ] || touch .venv/.installed-run
touch "$done"
