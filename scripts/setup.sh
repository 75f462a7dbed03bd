#!/bin/sh
# Makes the virtual environment that all make targets use, or does nothing if it is up to date.
#
#   AIRFLOW=3.3 scripts/setup.sh DIRECTORY [PYTHON]
#
# AIRFLOW names the constraints, and so the version of Airflow and of all else. Up to date means: made for this
# folder, this pyproject.toml and these constraints. The content decides, not the time of the files, which says
# nothing after a checkout.
set -eu

cd "$(dirname "$0")/.."
venv=$1
wanted=${2:-}
stamp=$venv/.made-for
constraints=constraints/${AIRFLOW:-}.txt

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

[ -f "$constraints" ] || fail "AIRFLOW=${AIRFLOW:-} is none of these: $(cd constraints && echo *.txt | sed 's/\.txt//g')"
state="$(pwd) $(cat pyproject.toml sandbox/pyproject.toml "$constraints" scripts/setup.sh | cksum)"

if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$state" ]; then
    exit 0
fi

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

can_make_venvs() {
    "$1" -c 'import venv, ensurepip' >/dev/null 2>&1
}

version() {
    "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null
}

# Looks at every python on the PATH, not only the first of a name: version managers put launchers there that
# exist and fail.
find_python() {
    old=
    bare=
    for name in python3 python3.13 python3.12 python3.11; do
        IFS=:
        for folder in $PATH; do
            unset IFS
            candidate=$folder/$name
            [ -x "$candidate" ] || continue
            if ! new_enough "$candidate"; then
                old=$(version "$candidate") && found_old="$candidate is $old"
            elif can_make_venvs "$candidate"; then
                python=$candidate
                return
            else
                bare=$candidate
            fi
        done
        unset IFS
    done
}

no_venv_module="cannot make virtual environments: its modules venv and ensurepip are missing.
On Debian and Ubuntu they are a separate package: apt-get install python3-venv"

python=
found_old=
if [ -n "$wanted" ]; then
    command -v "$wanted" >/dev/null || fail "PYTHON=$wanted is not a command."
    new_enough "$wanted" || fail "PYTHON=$wanted is $(version "$wanted" || echo 'not a Python'). Python 3.11 or later is needed."
    can_make_venvs "$wanted" || fail "PYTHON=$wanted $no_venv_module"
    python=$wanted
else
    find_python
    if [ -z "$python" ]; then
        [ -z "$bare" ] || fail "$bare $no_venv_module"
        fail "Python 3.11 or later is needed, and none is on the PATH${found_old:+ ($found_old)}.
If it is somewhere else, say where: make PYTHON=/path/to/python3"
    fi
fi

echo "Making $venv with Airflow $AIRFLOW and Python $(version "$python"); this takes a minute or two, once."
rm -rf "$venv"
"$python" -m venv "$venv" || fail "$python could not make a virtual environment in $venv; its message is above."

# The build backend comes from the constraints too, so that nothing is installed unpinned.
install() {
    "$venv/bin/python" -m pip --disable-pip-version-check install -qq --constraint "$constraints" "$@" ||
        fail "pip could not install what is needed; its message is above.
Without network access to the package index this cannot work; a mirror is set with pip config or PIP_INDEX_URL."
}
backends="hatchling editables"
# Airflow 2.11 needs a package that has no wheel, and the environments of newer Pythons have no setuptools.
! grep -q '^setuptools==' "$constraints" || backends="$backends setuptools"
install $backends
install --no-build-isolation apache-airflow --editable ./sandbox --editable '.[dev]'

echo "$state" >"$stamp"
