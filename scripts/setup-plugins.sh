#!/bin/sh
# Install outside plugins as their users would: setup-plugins.sh VENV DISTRIBUTION...
# They go to an environment of their own, VENV/plugins, which sees all of VENV: netloom's own tests, which list
# what netloom itself provides, do not see the plugins.
set -eu
venv=$1
shift
plugins=$venv/plugins

"$venv/bin/python" -m venv --clear --without-pip "$plugins"
"$plugins/bin/python" - "$venv" <<'END'
import pathlib, sys, sysconfig

here = pathlib.Path(sysconfig.get_path("purelib"))
host = pathlib.Path(sysconfig.get_path("purelib", vars={"base": sys.argv[1]})).resolve()
(here / "host.pth").write_text(f"import site; site.addsitedir({str(host)!r})\n")
END
for distribution in "$@"; do
    "$venv/bin/python" -m pip --python "$plugins/bin/python" install --quiet --disable-pip-version-check \
        --editable "$distribution[test]"
done
