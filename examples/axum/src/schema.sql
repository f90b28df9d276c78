-- What a customer wants to buy, and how far it has come.
CREATE TABLE IF NOT EXISTS orders (
    -- The shop gives it to Stripe as the Checkout session's `client_reference_id`, and customers see it: it cannot be guessed.
    id         TEXT PRIMARY KEY DEFAULT 'order_' || replace(gen_random_uuid()::text, '-', ''),
    item       TEXT NOT NULL,
    amount     BIGINT NOT NULL CHECK (amount > 0),
    currency   TEXT NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    status     TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'paid', 'canceled')),
    -- The Checkout session that ended it.
    session    TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS orders_created_at ON orders (created_at);

-- The account book: a line for each payment, which is never changed.
CREATE TABLE IF NOT EXISTS payments (
    order_id  TEXT NOT NULL REFERENCES orders,
    session   TEXT PRIMARY KEY,
    amount    BIGINT NOT NULL,
    currency  TEXT NOT NULL,
    booked_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
