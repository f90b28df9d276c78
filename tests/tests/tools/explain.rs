//! `events --explain` and `events --rust`: what Stripe sends, shown to a person and written as a program.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use product_tests::{Profile, build_generated, build_workspace, program, run};
use serde_json::{Value, json};
use webhook_core::catalog;

static QUICKSTART: LazyLock<PathBuf> =
    LazyLock::new(|| build_workspace(&["quickstart"], Profile::Debug)["quickstart"].clone());

fn events(arguments: &[&str]) -> Command {
    let mut command = program(&*QUICKSTART);
    command.arg("events").args(arguments);
    command
}

fn written(arguments: &[&str]) -> String {
    run(&mut events(arguments)).with_code(0).stdout
}

fn refused(arguments: &[&str]) -> String {
    run(&mut events(arguments)).with_code(1).stderr
}

fn explained(arguments: &[&str]) -> Value {
    let arguments = [&["--format", "json", "--explain"], arguments].concat();
    serde_json::from_str(&written(&arguments)).expect("it is JSON")
}

fn paths(explained: &Value, object: usize) -> Vec<&str> {
    let fields = explained["objects"][object]["fields"].as_array().expect("it is a list");
    fields.iter().map(|field| field["path"].as_str().expect("it is text")).collect()
}

#[test]
fn an_object_inside_another_is_explained_by_its_name_by_a_path_and_unfolded() {
    let item = explained(&["subscription_item"]);
    assert_eq!((&item["objects"][0]["object"], item.get("type")), (&json!("subscription_item"), None));
    assert!(paths(&item, 0).contains(&"current_period_end"), "{item}");
    for path in [
        "subscription.items",
        "subscription.items.data",
        "subscription.items.data[]",
        "customer.subscription.updated.items.data.0",
    ] {
        assert_eq!(explained(&[path])["objects"], item["objects"], "{path}");
    }
    let folded = explained(&["customer.subscription.updated"]);
    assert!(!paths(&folded, 0).contains(&"items.data[].price"));
    let unfolded = explained(&["customer.subscription.updated", "--depth", "1"]);
    assert!(paths(&unfolded, 0).contains(&"items.data[].price"));
    assert!(!paths(&unfolded, 0).contains(&"items.data[].price.unit_amount"));
    let unfolded = explained(&["customer.subscription.updated", "--depth", "2"]);
    assert!(paths(&unfolded, 0).contains(&"items.data[].price.unit_amount"));
    // Where Stripe sends one of several objects, all are shown.
    let sources = explained(&["customer.sources"]);
    let names: Vec<_> = sources["objects"].as_array().unwrap().iter().map(|part| &part["object"]).collect();
    assert_eq!(names, ["account", "bank_account", "card", "source"]);
    assert_eq!(paths(&explained(&["subscription_schedule.phases"]), 0)[0], "add_invoice_items");
    assert_eq!(paths(&explained(&["subscription.status"]), 0), ["status"]);
}

#[test]
fn what_moved_and_what_an_event_lacks_is_explained() {
    let subscription = explained(&["subscription"]);
    let moved = subscription["objects"][0]["moved"].as_array().expect("it is a list");
    assert!(
        moved.contains(&json!({
            "field": "current_period_end", "to": ["items.data[].current_period_end"], "note": null,
            "version": "2025-03-31.basil",
            "source": "https://docs.stripe.com/changelog/basil/2025-03-31/deprecate-subscription-current-period-start-and-end",
        })),
        "{moved:?}"
    );
    let upcoming = explained(&["invoice.upcoming"]);
    assert_eq!((&upcoming["lacks"], paths(&upcoming, 0).contains(&"id")), (&json!(["id"]), false));
    let text = written(&["--explain", "invoice.upcoming"]);
    assert!(text.contains("This event has no `id`, which the object has elsewhere."), "{text}");
    assert!(
        text.contains("`subscription` of `invoice` moved to `parent.subscription_details.subscription`"),
        "{text}"
    );
    let request = explained(&["issuing_authorization.request"]);
    let pending = request["objects"][0]["fields"].as_array().unwrap().iter();
    let pending: Vec<_> = pending.filter(|field| field["path"] == "pending_request").collect();
    assert_eq!(pending[0]["nullable"], false);
}

#[test]
fn what_cannot_be_explained_is_refused_with_what_was_meant() {
    for (arguments, reason) in [
        (&["--explain", "subscription_items"][..], "did you mean `subscription_item`?"),
        (&["--explain", "subscription.item"], "`subscription` has no field `item`: did you mean `items`?"),
        (
            &["--explain", "subscription.current_period_end"],
            "`current_period_end` of `subscription` moved to `items.data[].current_period_end` in 2025-03-31.basil",
        ),
        (&["--explain", "payment_intent.succeded"], "did you mean `payment_intent.succeeded`?"),
        (&["--explain", "invoice.*"], "takes one type"),
        (&["--rust", "invoice.*"], "takes one type"),
        (&["--rust", "invoice.payed"], "did you mean `invoice.paid`"),
        (&["--rust", "invoice.paid", "--fields", "amout_due"], "did you mean `amount_due`?"),
        (
            &["--rust", "invoice.paid", "--fields", "id,lines.data[].price"],
            "`price` of `line_item` moved to `pricing.price_details.price` in 2025-03-31.basil",
        ),
        (
            &["--rust", "invoice.upcoming", "--fields", "id"],
            "`invoice.upcoming` carries `invoice` without `id`",
        ),
    ] {
        let told = refused(arguments);
        assert!(told.contains(reason), "{arguments:?}: {told}");
    }
}

/// One package with a handler of every type, and some with chosen fields. The compiler may not even warn.
#[test]
fn the_handler_that_is_written_compiles_for_every_type() {
    let whole = catalog::snapshot_types().iter().map(|known| (known.name, None));
    let chosen = [
        (
            "customer.subscription.updated",
            "id,items.data[].current_period_end,items.data[].price.id,customer.email",
        ),
        ("customer.subscription.deleted", "items,metadata.order_id,trial_end,default_tax_rates"),
        (
            "invoice.paid",
            "parent.subscription_details.subscription,lines.data[0].amount,lines.data.0.metadata.Order No.",
        ),
        ("invoice.upcoming", "customer,total_taxes,discounts"),
        (
            "checkout.session.completed",
            "collected_information.shipping_details.address,line_items,custom_fields",
        ),
        ("charge.succeeded", "billing_details.address.line1,payment_method_details.card,metadata"),
        ("subscription_schedule.updated", "phases[].items[].price,phases[].discounts,current_phase.end_date"),
        ("customer.source.created", "id,metadata"),
        ("account.external_account.created", "last4,exp_month"),
        ("payment_intent.succeeded", "amount,amount_details,latest_charge.receipt_url,payment_method_types"),
    ];
    let chosen = chosen.into_iter().map(|(name, fields)| (name, Some(fields)));
    let mut source = "//! Written by `events --rust`.\n#![deny(warnings)]\n".to_owned();
    for (number, (name, fields)) in whole.chain(chosen).enumerate() {
        let fields = fields.map_or_else(Vec::new, |fields| vec!["--fields", fields]);
        let written = written(&[&["--rust", name], &*fields].concat());
        assert!(written.contains(&format!("#[on_event(\"{name}\")]")), "{written}");
        source.push_str(&format!("\nmod handler_{number} {{\n{written}}}\n"));
    }
    build_generated("handlers-of-every-type", &source);
}
