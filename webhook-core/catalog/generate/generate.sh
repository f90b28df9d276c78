#!/usr/bin/env bash
# Makes ../src/events.txt and ../src/objects.txt from Stripe's public packages.
#   ./generate.sh                                    write them
#   ./generate.sh --check                            compare; exit 1 if they differ
#   ./generate.sh --update NPM_VERSION PYPI_VERSION  move to another Stripe release
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
  echo "generate: $1" >&2
  exit 1
}

npm_quiet=(--ignore-scripts --no-audit --no-fund --loglevel=error)

case "${1:-}" in
  "") mode=write ;;
  --check) mode=check ;;
  --update)
    [[ $# -eq 3 ]] || fail "--update needs two versions: of npm stripe and of PyPI stripe."
    mode=update
    ;;
  *) fail "unknown argument $1 (known: --check, --update NPM_VERSION PYPI_VERSION)." ;;
esac

command -v node >/dev/null && command -v npm >/dev/null || fail "Node.js 20 or newer with npm is needed."
command -v python3 >/dev/null || fail "Python 3.9 or newer is needed."

if [[ $mode == update ]]; then
  npm install --package-lock-only --omit-lockfile-registry-resolved --save-exact "${npm_quiet[@]}" "stripe@$2" >/dev/null ||
    fail "npm does not find stripe $2."
  echo "stripe==$3" >requirements.txt
fi

npm ci "${npm_quiet[@]}" >/dev/null || fail "the npm packages of package-lock.json could not be installed."
python3 -m venv .venv || fail "Python could not make a virtual environment (is the venv module installed?)."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r requirements.txt ||
  fail "the PyPI package of requirements.txt could not be installed."

exec node generate.mjs "$mode"
