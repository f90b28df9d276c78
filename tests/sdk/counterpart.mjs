// Signs and verifies with npm `stripe`. Reads one task a line on standard input, writes one result a line.
import { createInterface } from "node:readline";
import Stripe from "stripe";

const stripe = new Stripe("sk_test_of_nobody");

function sign({ body, secret, timestamp }) {
  return stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
}

function verify({ body, secret, header }) {
  // As from a socket: what is signed are bytes.
  return stripe.webhooks.constructEvent(Buffer.from(body), header, secret).id;
}

function notification({ body, secret, header }) {
  const { id, type, livemode, context, related_object, snapshot_event } =
    stripe.parseEventNotification(Buffer.from(body), header, secret);
  return { id, type, livemode, context: context?.toString(), related_object, snapshot_event };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { task, ...input } = JSON.parse(line);
  let result;
  try {
    result = { value: { sign, verify, notification }[task](input) };
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error;
    result = { refused: error.message };
  }
  console.log(JSON.stringify(result));
}
