//! A registry of handlers that the test itself defines.

use webhook_core::{
    Event, Extract, Order, OrderMode, Policy, Registration, Registry, RegistryProblem, Requirements, State,
    States, Subscription,
};

const CHARGES: Subscription = Subscription::Types(&["charge.failed", "charge.succeeded"]);

fn registration(id: &'static str, takes: Subscription) -> &'static Registration {
    placed(id, takes, "src/lib.rs", 1)
}

/// Leaked, as a registration lives as long as the program.
fn placed(id: &'static str, takes: Subscription, file: &'static str, line: u32) -> &'static Registration {
    needing(id, takes, file, line, |_| {})
}

fn needing(
    id: &'static str,
    takes: Subscription,
    file: &'static str,
    line: u32,
    needs: fn(&mut Requirements),
) -> &'static Registration {
    let run = |_| -> webhook_core::HandlerFuture { Box::pin(async { Ok(None) }) };
    Box::leak(Box::new(Registration {
        id,
        takes,
        endpoint: None,
        module: "shop::orders",
        binary: None,
        file,
        line,
        doc: "",
        policy: Policy::DEFAULT,
        needs,
        run,
    }))
}

fn ids(registrations: &[&'static Registration]) -> Vec<&'static str> {
    registrations.iter().map(|registration| registration.id).collect()
}

fn problems(registrations: impl IntoIterator<Item = &'static Registration>) -> Vec<RegistryProblem> {
    Registry::new(registrations).problems(&States::default(), &[])
}

fn messages(problems: &[RegistryProblem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn handlers_are_sorted_by_id_whatever_the_order_of_linking() {
    let [a, b, c] = ["a::x", "b::a", "b::b"].map(|id| registration(id, CHARGES));
    for order in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
        let registry = Registry::new(order);
        assert_eq!(ids(registry.registrations()), ["a::x", "b::a", "b::b"]);
        assert_eq!(ids(registry.handlers_of("charge.failed")), ["a::x", "b::a", "b::b"]);
    }
}

#[test]
fn an_event_goes_to_those_that_name_it_or_else_to_the_unhandled_one() {
    let registry = Registry::new([
        registration("z", Subscription::Types(&["charge.succeeded"])),
        registration("rest", Subscription::Unhandled),
        registration("a", CHARGES),
    ]);
    for (event_type, named, expected) in [
        ("charge.succeeded", true, &["a", "z"][..]),
        ("charge.failed", true, &["a"]),
        ("payout.paid", false, &["rest"]),
        ("a_family.of_tomorrow", false, &["rest"]),
        ("charge", false, &["rest"]),
        ("charge.*", false, &["rest"]),
        ("charge.succeeded.", false, &["rest"]),
        ("", false, &["rest"]),
    ] {
        assert_eq!(ids(registry.handlers_of(event_type)), expected, "{event_type:?}");
        assert_eq!(registry.names(event_type), named, "{event_type:?}");
    }
}

#[test]
fn without_an_unhandled_one_nothing_runs() {
    let registry = Registry::new([registration("a", CHARGES)]);
    assert!(registry.handlers_of("payout.paid").is_empty());
    assert!(Registry::default().handlers_of("charge.failed").is_empty());
}

#[test]
fn a_sound_registry_has_no_problems() {
    let sound =
        [registration("a", CHARGES), registration("b", CHARGES), registration("c", Subscription::Unhandled)];
    assert_eq!(problems(sound), []);
    assert_eq!(problems([registration("alone", Subscription::Unhandled)]), []);
}

#[test]
fn no_handler_at_all_says_how_to_link_one() {
    let found = problems([]);
    assert_eq!(found, [RegistryProblem::Empty]);
    assert_eq!(
        messages(&found),
        [
            "no handler is linked into this program: if the handlers are in a library (even of this package), add \
             `use my_handlers as _;` with that crate's name to main.rs, because the linker leaves out a crate that is \
             not named"
        ]
    );
}

#[test]
fn two_handlers_of_one_id_are_named_with_their_places_in_a_stable_order() {
    let [first, second] =
        [("src/a.rs", 20), ("src/b.rs", 3)].map(|(file, line)| placed("same", CHARGES, file, line));
    for order in [[first, second], [second, first]] {
        let found = problems(order);
        assert_eq!(
            messages(&found),
            ["two handlers have the id `same`: src/a.rs:20 and src/b.rs:3; \
              give one of them `id = \"…\"` in its attribute"]
        );
        let RegistryProblem::DuplicateId { first, second } = &found[0] else { panic!("{found:?}") };
        assert_eq!((first.file, first.line, second.file, second.line), ("src/a.rs", 20, "src/b.rs", 3));
    }
    for lines in [[9, 10], [10, 9]] {
        let found = problems(lines.map(|line| placed("same", CHARGES, "src/a.rs", line)));
        assert!(messages(&found)[0].contains("src/a.rs:9 and src/a.rs:10"), "lines count, and as numbers");
    }
}

#[test]
fn a_second_unhandled_one_is_named_with_both_places() {
    let found = problems([
        placed("note", Subscription::Unhandled, "src/note.rs", 7),
        placed("log", Subscription::Unhandled, "src/log.rs", 5),
    ]);
    assert_eq!(
        messages(&found),
        ["two handlers are `#[on_unhandled]`: `log` (src/log.rs:5) and `note` (src/note.rs:7); keep one"]
    );
}

#[test]
fn state_that_is_missing_is_named_for_each_handler_that_takes_it() {
    let needs: fn(&mut Requirements) = |needs| {
        State::<u8>::needs(needs);
        Event::<serde_json::Value>::needs(needs);
        State::<String>::needs(needs);
    };
    let registry = Registry::new([
        needing("b", CHARGES, "src/b.rs", 2, needs),
        needing("a", CHARGES, "src/a.rs", 1, State::<u8>::needs),
    ]);
    let mut states = States::default();
    assert_eq!(
        messages(&registry.problems(&states, &[])),
        [
            "handler `a` (src/a.rs:1) takes `State<u8>`, but the application has no such state: add `.state(…)` to the `App`",
            "handler `b` (src/b.rs:2) takes `State<u8>`, but the application has no such state: add `.state(…)` to the `App`",
            "handler `b` (src/b.rs:2) takes `State<alloc::string::String>`, but the application has no such state: \
             add `.state(…)` to the `App`",
        ]
    );
    states.insert(5_u8);
    assert_eq!(registry.problems(&states, &[]).len(), 1);
    states.insert(String::new());
    assert_eq!(registry.problems(&states, &[]), []);
}

#[test]
fn a_handler_that_names_a_type_and_its_twin_is_told_apart() {
    let names =
        |types, event_type: &str| registration("a", Subscription::Types(types)).names_twin_of(event_type);
    const BOTH: &[&str] = &[
        "charge.failed",
        "charge.succeeded",
        "v1.charge.failed",
        "v1.charge.refunded",
        "v2.core.account.created",
    ];
    for event_type in ["charge.failed", "v1.charge.failed"] {
        assert!(names(BOTH, event_type), "{event_type}");
    }
    for event_type in ["charge.succeeded", "v1.charge.refunded", "v2.core.account.created"] {
        assert!(!names(BOTH, event_type), "{event_type}");
    }
    assert!(!registration("a", Subscription::Unhandled).names_twin_of("charge.failed"));
}

#[test]
fn everything_wrong_is_found_at_once() {
    let found = problems([
        placed("same", CHARGES, "src/a.rs", 1),
        placed("same", CHARGES, "src/b.rs", 1),
        placed("same", CHARGES, "src/c.rs", 1),
        placed("x", Subscription::Unhandled, "src/x.rs", 1),
        needing("y", Subscription::Unhandled, "src/y.rs", 1, State::<u8>::needs),
    ]);
    let kinds = found.iter().map(|problem| match problem {
        RegistryProblem::DuplicateId { .. } => "duplicate",
        RegistryProblem::SecondUnhandled { .. } => "unhandled",
        RegistryProblem::MissingState { .. } => "state",
        _ => "other",
    });
    assert_eq!(kinds.collect::<Vec<_>>(), ["duplicate", "duplicate", "unhandled", "state"]);
}

#[test]
fn a_registration_shows_what_identifies_it() {
    let shown = format!("{:?}", placed("shop::paid", Subscription::Unhandled, "src/a.rs", 3));
    assert_eq!(
        shown,
        r#"Registration { id: "shop::paid", takes: Unhandled, file: "src/a.rs", line: 3, .. }"#
    );
}

fn grouped(id: &'static str, group: &'static str, mode: OrderMode) -> &'static Registration {
    let policy = Policy { order: Order { mode, per: None, group: Some(group) }, ..Policy::DEFAULT };
    Box::leak(Box::new(Registration { policy, ..*registration(id, CHARGES) }))
}

#[test]
fn a_group_with_one_member_is_named_with_the_group_that_was_probably_meant() {
    let found = problems([
        grouped("a", "subscription", OrderMode::Serial),
        grouped("b", "subscription", OrderMode::Serial),
        grouped("c", "subscripton", OrderMode::Serial),
        grouped("d", "elsewhere", OrderMode::Serial),
    ]);
    assert_eq!(
        messages(&found),
        [
            "handler `d` (src/lib.rs:1) is alone in its group: no other has `order(group = \"elsewhere\")`; \
             give another handler the same group, or remove it",
            "handler `c` (src/lib.rs:1) is alone in its group: no other has `order(group = \"subscripton\")`; \
             did you mean `subscription`?",
        ]
    );
}

#[test]
fn members_of_a_group_that_differ_in_their_order_are_named() {
    let mixed =
        [grouped("a", "subscription", OrderMode::Serial), grouped("b", "subscription", OrderMode::Strict)];
    assert_eq!(
        messages(&problems(mixed)),
        [
            "handlers `a` (src/lib.rs:1) and `b` (src/lib.rs:1) share the lanes of `order(group = \"subscription\")`, \
          and only one of them is `strict`: make both `strict` or neither"
        ]
    );
    let same =
        [grouped("a", "subscription", OrderMode::Strict), grouped("b", "subscription", OrderMode::Strict)];
    assert_eq!(problems(same), []);
}

#[test]
fn a_handler_is_found_by_its_id() {
    let registry = Registry::new(["c", "a", "b"].map(|id| registration(id, CHARGES)));
    for id in ["a", "b", "c"] {
        assert_eq!(registry.get(id).map(|found| found.id), Some(id));
    }
    for id in ["", "ab", "d"] {
        assert!(registry.get(id).is_none(), "{id}");
    }
    assert!(Registry::default().get("a").is_none());
}

fn of_endpoint(endpoint: &'static str, other: &'static Registration) -> &'static Registration {
    Box::leak(Box::new(Registration { endpoint: Some(endpoint), ..*other }))
}

#[test]
fn an_event_goes_to_the_handlers_of_the_endpoints_that_it_came_through() {
    let registry = Registry::new([
        registration("everywhere", Subscription::Types(&["charge.failed"])),
        of_endpoint("connect", registration("connect", CHARGES)),
        of_endpoint("account", registration("account", CHARGES)),
        registration("rest", Subscription::Unhandled),
        of_endpoint("connect", registration("rest_of_connect", Subscription::Unhandled)),
    ]);
    for (event_type, endpoints, expected) in [
        ("charge.failed", &["connect"][..], &["connect", "everywhere"][..]),
        ("charge.failed", &["account"], &["account", "everywhere"]),
        ("charge.failed", &["other"], &["everywhere"]),
        ("charge.failed", &["connect", "account"], &["account", "connect", "everywhere"]),
        ("charge.failed", &["account", "connect", "other"], &["account", "connect", "everywhere"]),
        ("charge.failed", &[], &[]),
        ("charge.succeeded", &["connect"], &["connect"]),
        ("charge.succeeded", &["other"], &["rest"]),
        ("charge.succeeded", &["connect", "other"], &["connect", "rest"]),
        ("payout.paid", &["connect"], &["rest_of_connect"]),
        ("payout.paid", &["account"], &["rest"]),
        ("payout.paid", &["account", "connect"], &["rest", "rest_of_connect"]),
    ] {
        let found = registry.handlers_at(event_type, endpoints.iter().copied());
        assert_eq!(ids(&found), expected, "{event_type} {endpoints:?}");
    }
    assert_eq!(ids(registry.handlers_of("charge.failed")), ["account", "connect", "everywhere"]);
    assert_eq!(ids(registry.handlers_of("payout.paid")), ["rest", "rest_of_connect"]);
    assert_eq!(
        registry.problems(&States::default(), &[("account", "/account"), ("connect", "/connect")]),
        []
    );
}

#[test]
fn each_endpoint_may_have_one_unhandled_handler() {
    let unhandled = |id, line| placed(id, Subscription::Unhandled, "src/a.rs", line);
    let registry = Registry::new([
        unhandled("a", 1),
        of_endpoint("connect", unhandled("b", 2)),
        of_endpoint("account", unhandled("c", 3)),
        of_endpoint("connect", unhandled("d", 4)),
    ]);
    assert_eq!(
        messages(&registry.problems(&States::default(), &[("account", "/account"), ("connect", "/connect")])),
        [
            "two handlers are `#[on_unhandled(endpoint = \"connect\")]`: `b` (src/a.rs:2) and `d` (src/a.rs:4); keep one"
        ]
    );
}

#[test]
fn an_endpoint_that_there_is_not_is_named_with_its_handler_and_the_nearest() {
    let registry = Registry::new([
        of_endpoint("conect", placed("a", CHARGES, "src/a.rs", 7)),
        of_endpoint("platform", placed("b", Subscription::Unhandled, "src/b.rs", 8)),
        of_endpoint("connect", placed("c", CHARGES, "src/c.rs", 9)),
        of_endpoint("/stripe/connect", placed("d", CHARGES, "src/d.rs", 10)),
    ]);
    let endpoints = [("/stripe", "/stripe"), ("connect", "/stripe/connect")];
    assert_eq!(
        messages(&registry.problems(&States::default(), &endpoints)),
        [
            "handler `a` (src/a.rs:7) takes events of the endpoint `conect`, but the application has no such endpoint: \
             did you mean `connect`?",
            "handler `b` (src/b.rs:8) takes events of the endpoint `platform`, but the application has no such endpoint, \
             only `/stripe`, `connect`; add it to the `App`, or correct the name",
            "handler `d` (src/d.rs:10) takes events of the endpoint `/stripe/connect`, but the endpoint at that path is \
             named `connect`: write `endpoint = \"connect\"`",
        ]
    );
}
