#!/usr/bin/env bash
# Makes ../src/events.txt, ../src/objects.txt, ../src/paths.txt and ../src/versions/* from Stripe's public packages.
#   ./generate.sh                                    write them
#   ./generate.sh --check                            compare; exit 1 if they differ
#   ./generate.sh --update NPM_VERSION PYPI_VERSION  move the newest API version on, or add one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
  echo "generate: $1" >&2
  exit 1
}

npm_quiet=(--ignore-scripts --no-audit --no-fund --loglevel=error)

# Each package goes to a folder of its own, once.
install_pypi() {
  local folder=.pypi/$1
  [[ -d $folder ]] && return
  rm -rf "$folder.part"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --no-compile \
    --only-binary :all: --target "$folder.part" "stripe==$1" || fail "PyPI stripe $1 could not be installed (is Python's pip there?)."
  mv "$folder.part" "$folder"
}
export -f install_pypi fail

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
  install_pypi "$3"
  npm install --omit-lockfile-registry-resolved --save-exact "${npm_quiet[@]}" "stripe-$2@npm:stripe@$2" >/dev/null ||
    fail "npm stripe $2 could not be installed."
  replaced=$(node pins.mjs "$2" "$3")
  [[ -z $replaced ]] || npm uninstall --omit-lockfile-registry-resolved "${npm_quiet[@]}" "stripe-$replaced" >/dev/null
fi

if ! cmp -s package-lock.json node_modules/installed-from.json; then
  npm ci "${npm_quiet[@]}" >/dev/null || fail "the npm packages of package-lock.json could not be installed."
  cp package-lock.json node_modules/installed-from.json
fi
node -p "require('./versions.json').map((pin) => pin.pypi).filter(Boolean).join('\n')" |
  xargs -P 2 -I {} bash -c 'set -euo pipefail; install_pypi {}'

exec node generate.mjs "$mode"
