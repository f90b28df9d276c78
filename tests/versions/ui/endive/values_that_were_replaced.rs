use webhook_core::*;

#[derive(StripeEnum)]
#[stripe(object = "checkout.session", at = "ui_mode")]
enum UiMode {
    Hosted,
    EmbeddedPage,
    Other(String),
}

fn main() {}
