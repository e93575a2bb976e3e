#!/bin/sh
# See that a tool can be found, installing it if need be: setup-tool.sh COMMAND DEBIAN_PACKAGE VARIABLE
# VARIABLE names the environment variable that may hold the path of the tool instead.
set -eu
command=$1 package=$2 variable=$3

eval "given=\${$variable:-}"
if [ -n "$given" ]; then
    [ -x "$given" ] && exit 0
    echo "$variable is set to '$given', which is not an executable file." >&2
    exit 1
fi
command -v "$command" >/dev/null && exit 0

echo "$command is not installed; installing the package '$package'." >&2
if "$(dirname "$0")/apt-install.sh" "$package" && command -v "$command" >/dev/null; then
    exit 0
fi
echo "$command is missing and could not be installed from here. Install the package '$package'" >&2
echo "(as root: apt-get install $package), or set $variable to the path of $command." >&2
exit 1
