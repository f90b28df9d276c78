#!/usr/bin/env bash
# Makes the pictures of the dashboard in docs/dashboard: `shop dev`, some events with which its handlers cannot do anything,
# and a browser.
set -euo pipefail
cd "$(dirname "$0")"

shop=${SHOP:-}
if [ -z "$shop" ]; then
    cargo build --locked --package shop
    shop=${CARGO_TARGET_DIR:-$PWD/../../target}/debug/shop
fi
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

export STRIPE_WEBHOOK_SECRET
STRIPE_WEBHOOK_SECRET=whsec_$(openssl rand -hex 24)
export WEBHOOK_LISTEN=127.0.0.1:4952 WEBHOOK_ADMIN=127.0.0.1:4953
trigger() { "$shop" trigger --to http://$WEBHOOK_LISTEN/webhook "$@" >/dev/null; }

work=$(mktemp -d)
"$shop" dev >"$work/log" & server=$!
trap 'kill $server; rm -rf "$work"' EXIT
until grep -q "Still listening" "$work/log"; do sleep 0.2; done
for customer in 1 2 3; do trigger invoice.paid --set customer=null; done
for customer in 1 2; do trigger customer.created --set email=null; done
trigger payout.paid --set destination=null
for story in checkout subscription payment-failed dispute-won; do trigger --story "$story"; done
echo '{"object":"event","id":"evt_1","type":"not an event"}' >"$work/body"
trigger --file "$work/body"
node screens.mjs http://$WEBHOOK_ADMIN "${1:-../../docs/dashboard}"
