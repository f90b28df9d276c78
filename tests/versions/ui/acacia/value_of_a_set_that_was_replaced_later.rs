use webhook_core::*;

/// In this version it is `hosted` and `embedded`.
#[derive(StripeEnum)]
#[stripe(object = "checkout.session", at = "ui_mode")]
enum UiMode {
    HostedPage,
    Embedded,
    Other(String),
}

fn main() {}
