#!/bin/sh
# Create a virtual environment with pip: setup-venv.sh PYTHON DIRECTORY
set -eu
python=$1 directory=$2

"$directory/bin/python" -m pip --version >/dev/null 2>&1 && exit 0

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "netloom needs Python 3.11 or later; '$python' is $("$python" --version 2>&1)." >&2
    echo "Name another one with: make PYTHON=/path/to/python3" >&2
    exit 1
fi
# Debian ships Python without ensurepip, in which case an environment is begun but left without pip.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if ! "$(dirname "$0")/apt-install.sh" python3-venv; then
        echo "'$python' cannot create virtual environments and python3-venv could not be installed from here." >&2
        echo "Install it (as root: apt-get install python3-venv) and run make again." >&2
        exit 1
    fi
fi
"$python" -m venv --clear "$directory"
