"""Signs and verifies with PyPI `stripe`. Reads one task a line on standard input, writes one result a line."""

import json
import sys

import stripe


def sign(body, secret, timestamp):
    return stripe.WebhookSignature.generate_signature_header(body, secret, timestamp)


def verify(body, secret, header):
    # As from a socket: what is signed are bytes.
    return stripe.Webhook.construct_event(body.encode(), header, secret).id


for line in sys.stdin.buffer:
    given = json.loads(line)
    task = {"sign": sign, "verify": verify}[given.pop("task")]
    try:
        result = {"value": task(**given)}
    except stripe.SignatureVerificationError as error:
        result = {"refused": str(error)}
    print(json.dumps(result))
