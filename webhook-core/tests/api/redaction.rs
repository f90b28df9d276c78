//! Nothing that is printed contains a secret, a signature or any of a body.

use std::fmt::Debug;
use std::sync::Arc;

use serde::de::IgnoredAny;
use webhook_core::{
    Context, Event, Invocation, RegistryProblem, Sample, Secret, SignatureHeader, States, Tolerance,
    Unchecked, sign, verify,
};

use crate::support::{
    NOW, Refused, SECRET, at, envelope_of, event, parse, receive, run_of, secret, snapshot, v1, verified,
};

/// Stands in every body below, as a customer's datum would.
const DATUM: &str = "jenny@example.com";

/// Fails if what is shown holds a datum, a secret or a signature.
fn silent(name: &str, shown: &str, hidden: &[&str]) {
    for hidden in hidden {
        assert!(!shown.contains(hidden), "{name} shows {hidden}: {shown}");
    }
}

/// Both forms of `{:?}`.
fn debugged(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

#[test]
fn a_secret_shows_nothing() {
    for text in [SECRET, "sk_live_1", "x"] {
        assert_eq!(format!("{:?}", secret(text)), "Secret(redacted)");
        assert_eq!(format!("{:#?}", [secret(text)]), "[\n    Secret(redacted),\n]");
    }
}

#[test]
fn an_error_of_a_secret_shows_none_of_it() {
    for text in ["whsec_hunter2\n", " whsec_hunter2", "whsec_hun ter2", "whsec_hunter2\0", "whsec_hunter2é"]
    {
        let error = Secret::new(text).unwrap_err();
        silent(text, &format!("{error} {}", debugged(&error)), &["hun", "ter2", "whsec"]);
    }
}

#[test]
fn a_header_and_its_errors_show_no_signature() {
    let good = v1(SECRET, &NOW.to_string(), b"{}");
    let header = format!("t={NOW},v1={good}");
    let shown = format!("{:?}", SignatureHeader::parse(header.as_bytes()).unwrap());
    assert_eq!(shown, format!("SignatureHeader {{ timestamp: {NOW}, signatures: 1 }}"));
    for bad in [
        format!("v1={good}"),
        format!("t={good},v1={good}"),
        format!("t=1,t={good},v1={good}"),
        format!("t=1,v1={good}{good}"),
        format!("t=1,v2={good}"),
        format!("t=1,v1={good}\0"),
        format!("t=1{}", format!(",v1={good}").repeat(17)),
    ] {
        let error = SignatureHeader::parse(bad.as_bytes()).map(|_| ()).unwrap_err();
        silent(&bad, &format!("{error} {}", debugged(&error)), &[&good, &good[..8]]);
    }
}

#[test]
fn an_error_of_verification_shows_neither_signature_nor_body_nor_secret() {
    let body = format!(r#"{{"email":"{DATUM}"}}"#);
    let header = sign(&[secret(SECRET)], NOW, body.as_bytes());
    let (_, good) = header.split_once("v1=").unwrap();
    let other = "whsec_other";
    for (name, keys, now) in [
        ("mismatch", &[other][..], NOW),
        ("no secret", &[], NOW),
        ("too old", &[SECRET, other], NOW + 301),
        ("in the future", &[SECRET], NOW - 301),
    ] {
        let refused = receive(keys, header.as_bytes(), body.as_bytes(), at(now), Tolerance::default());
        let Err(Refused::Verify(error)) = refused else { panic!("{name}: {refused:?}") };
        silent(
            name,
            &format!("{error} {}", debugged(&error)),
            &[DATUM, "email", good, &good[..8], SECRET, other],
        );
    }
}

#[test]
fn what_was_verified_shows_its_size() {
    let body = format!(r#"{{"email":"{DATUM}"}}"#);
    let shown = format!("{:?}", verified(body.clone()));
    assert_eq!(shown, format!("Verified {{ body_bytes: {}, signed_at: {NOW} }}", body.len()));
    let object = snapshot(&envelope_of(&body)).object.clone();
    assert_eq!(format!("{object:?}"), format!("RawJson({} bytes)", body.len()));
}

#[test]
fn an_error_of_the_envelope_shows_none_of_the_body() {
    let valid = event(&[]);
    for body in [
        format!("\"{DATUM}\""),
        format!("{DATUM}{valid}"),
        format!("{valid}{DATUM}"),
        format!("{{\"x\":{DATUM}}}"),
        format!("{{\"x\":\"{DATUM}"),
        event(&[("id", &format!("\"{DATUM}\""))]),
        event(&[("type", &format!("\"{DATUM}\""))]),
        event(&[("object", &format!("\"{DATUM}\""))]),
        event(&[("livemode", &format!("\"{DATUM}\""))]),
        event(&[("data", &format!("\"{DATUM}\""))]),
        event(&[("data", &format!(r#"{{"object":"{DATUM}"}}"#))]),
        event(&[("data", &format!(r#"{{"object":{{"a":"{DATUM}"}},"object":{{}}}}"#))]),
        event(&[(r"i\u0064", &format!("\"{DATUM}\""))]),
        event(&[("object", r#""v2.core.event""#), ("related_object", &format!("\"{DATUM}\""))]),
    ] {
        let error = parse(body.clone()).map(|_| ()).unwrap_err();
        silent(&body, &format!("{error} {}", debugged(&error)), &[DATUM, "jenny", "charge", "evt_1"]);
    }
    let broken = [valid.as_bytes(), DATUM.as_bytes(), b"\xff"].concat();
    let error = parse(broken).map(|_| ()).unwrap_err();
    silent("not UTF-8", &format!("{error} {}", debugged(&error)), &[DATUM, "charge"]);
}

#[test]
fn the_envelope_and_what_holds_it_show_none_of_the_body() {
    let (object, unknown) = (format!(r#"{{"email":"{DATUM}"}}"#), format!("\"x {DATUM}\""));
    let data = format!(r#"{{"object":{object},"previous_attributes":{object}}}"#);
    let envelope = Arc::new(parse(event(&[("data", &data), ("x", &unknown)])).unwrap());
    let context = Context::new(Arc::clone(&envelope), run_of("a"));
    let invocation = Invocation::new(Arc::clone(&envelope), Arc::default(), context.clone());
    let event = Event::<Unchecked<IgnoredAny>>::decode(Arc::clone(&envelope)).unwrap();
    for (name, shown) in [
        ("Envelope", debugged(&envelope)),
        ("Context", debugged(&context)),
        ("Invocation", debugged(&invocation)),
        ("Event, but for the object that its type shows", debugged(&event)),
    ] {
        assert!(shown.contains("evt_1"), "{name} shows which event it is: {shown}");
        silent(name, &shown, &[DATUM, "email"]);
    }
}

#[test]
fn state_shows_its_types_only() {
    let mut states = States::default();
    states.insert(String::from("postgres://user:hunter2@db"));
    assert_eq!(format!("{states:?}"), "{alloc::string::String}");
}

#[test]
fn the_other_errors_are_about_the_program_not_about_a_body() {
    let problem = RegistryProblem::Empty;
    silent("registry", &format!("{problem} {}", debugged(&problem)), &[DATUM, SECRET]);
    let sample = Sample::new(DATUM, 0).unwrap_err();
    assert!(sample.to_string().contains(DATUM), "what the operator typed is shown to the operator");
}

#[test]
fn verifying_does_not_show_the_secrets_of_a_slice() {
    let secrets = [secret(SECRET), secret("whsec_other")];
    let header = sign(&secrets, NOW, b"");
    let parsed = SignatureHeader::parse(header.as_bytes()).unwrap();
    let result = verify(&secrets, &parsed, "", at(NOW), Tolerance::default());
    silent("verify", &format!("{result:?} {secrets:?} {parsed:?}"), &["whsec", &header[20..40]]);
}
