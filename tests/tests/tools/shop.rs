//! The shop's example in `dev`: every handler at work, on events that Stripe would send.

use std::collections::BTreeSet;

use product_tests::{Profile, build_workspace, program, run};
use serde_json::Value;

#[test]
fn dev_shows_all_handlers_of_a_shop_at_work() {
    let shop = build_workspace(&["shop"], Profile::Debug).remove("shop").expect("it was built");
    let listed = run(program(&shop).args(["handlers", "--format", "json"])).with_code(0).stdout;
    let listed: Vec<Value> = serde_json::from_str(&listed).expect("it is JSON");
    let handlers: BTreeSet<_> = listed.iter().filter_map(|handler| handler["id"].as_str()).collect();
    assert!(handlers.len() >= 40, "only {} handlers", handlers.len());

    let shown = run(program(&shop).args(["dev", "--once", "--listen", "127.0.0.1:0"])).with_code(0).stdout;
    let runs: Vec<_> = shown.lines().filter(|line| line.contains("  200  ")).collect();
    for handler in handlers {
        assert!(runs.iter().any(|run| run.contains(&format!("  {handler}  done  "))), "{handler}: {shown}");
    }
    for run in runs {
        assert!(run.contains("  done  "), "{run}");
    }

    // A payment before its refund, a draft before what is paid, a customer before the subscription.
    let at = |what: &str| shown.find(what).unwrap_or_else(|| panic!("{what}: {shown}"));
    for (before, after) in [
        ("shop::customers::customer_came  done", "shop::subscriptions::subscribed  done"),
        ("shop::subscriptions::subscribed  done", "shop::subscriptions::unsubscribed  done"),
        ("shop::subscriptions::invoice_drafted  done", "shop::subscriptions::invoice_paid  done"),
        ("shop::money_back::dispute_opened  done", "shop::money_back::dispute_closed  done"),
        ("shop::money_back::refund_begun  done", "shop::money_back::refund_traced  done"),
    ] {
        assert!(at(before) < at(after), "{before}, then {after}: {shown}");
    }
}
