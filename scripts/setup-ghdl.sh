#!/bin/sh
# GHDL analyses and simulates the VHDL that netloom writes.
exec "$(dirname "$0")/setup-tool.sh" ghdl ghdl NETLOOM_GHDL
