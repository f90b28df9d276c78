//! Doc comments with any content are registered unchanged.

use webhook_core::{Registry, on_event};

/// Quotes "…", 'one', `code`, {braces} {0} {{}}, back\slashes \n \u{0}, #[doc], */ and /* in it.
///
///     indented
///
/// ünï¢ödé 🦀 "# r#"raw"#
#[on_event("payment_intent.succeeded")]
async fn a_lines() {}

/** A block
over lines. */
#[on_event("payment_intent.succeeded")]
async fn b_block() {}

#[doc = "An attribute with \"quotes\"\nand a second line."]
#[doc(hidden)]
#[doc(alias = "c")]
#[on_event("payment_intent.succeeded")]
async fn c_attribute() {}

#[on_event("payment_intent.succeeded")]
/// Below the attribute.
async fn d_below() {}

#[on_event("payment_intent.succeeded")]
///
async fn e_empty() {}

/// Computed:
#[doc = concat!("one", " two")]
#[on_event("payment_intent.succeeded")]
async fn f_computed() {}

fn main() {
    let registry = Registry::linked();
    let docs: Vec<_> = registry.registrations().iter().map(|registration| registration.doc).collect();
    assert_eq!(
        docs[0],
        "Quotes \"…\", 'one', `code`, {braces} {0} {{}}, back\\slashes \\n \\u{0}, #[doc], */ and /* in it.\n\n    \
         indented\n\nünï¢ödé 🦀 \"# r#\"raw\"#"
    );
    assert_eq!(docs[1], "A block\nover lines.");
    assert_eq!(docs[2], "An attribute with \"quotes\"\nand a second line.");
    assert_eq!(docs[3], "Below the attribute.");
    assert_eq!(docs[4], "");
    assert_eq!(docs[5], "Computed:");
}
