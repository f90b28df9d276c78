//! The forms of keys, and where they are found.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::problems::Problems;
use crate::settings::{Origin, Origins, Settings};

/// The random part of a key.
const RANDOM: &str = "Do8Not9Show7This0123456789";

#[test]
fn each_kind_of_key_is_taken_and_told_apart() {
    for (beginning, is_live, needs_account) in [
        ("sk_test_", Some(false), false),
        ("sk_live_", Some(true), false),
        ("rk_test_", Some(false), false),
        ("rk_live_", Some(true), false),
        ("rkcs_test_", Some(false), false),
        ("sk_org_live_", Some(true), true),
        ("sk_org_test_", Some(false), true),
    ] {
        let key = ApiKey::new(&format!("{beginning}{RANDOM}"), Medium::File).expect(beginning);
        assert_eq!((key.is_live(), key.needs_account()), (is_live, needs_account), "{beginning}");
        let shown = format!("{key} {key:?}");
        assert!(!shown.contains("Not") && shown.contains(&beginning[..4]), "{shown}");
    }
}

#[test]
fn each_mistake_has_its_message() {
    let key = format!("rk_test_{RANDOM}");
    for (text, told) in [
        (String::new(), "it is empty"),
        (" \n".into(), "it is blank"),
        (format!("\u{feff}{key}"), "byte order mark"),
        (format!("\"{key}\""), "it is in quotes"),
        (format!("'{key}"), "it is in quotes"),
        (format!(" {key}"), "white space"),
        (format!("{key}\n"), "white space"),
        (format!("STRIPE_API_KEY={key}"), "it begins with a name"),
        (format!("api_key: {key}"), "it begins with a name"),
        (format!("Bearer {key}"), "it begins with `Bearer`"),
        ("rk_test_…".into(), "it is a placeholder"),
        ("rk_test_...".into(), "it is a placeholder"),
        ("<your key>".into(), "it is a placeholder"),
        ("rk_test_xxxxxxxxxxxxxxxx".into(), "it is a placeholder"),
        ("sk_test_your_key_here".into(), "it is a placeholder"),
        ("rk_live_****************0000".into(), "it was copied while it was masked"),
        ("sk_test_••••••••••••".into(), "it was copied while it was masked"),
        ("${STRIPE_API_KEY}".into(), "it is a reference"),
        (format!("{key} {key}"), "it is more than one word"),
        (format!("{key},{key}"), "it is more than one word"),
        (format!("pk_test_{RANDOM}"), "it is a publishable key"),
        (format!("whsec_{RANDOM}"), "it is an endpoint's signing secret"),
        (format!("oak_{RANDOM}"), "it is the token of a login of the Stripe CLI"),
        ("acct_1Do8Not9Show7".into(), "it is an id"),
        ("https://vault.example/Do8Not9Show7".into(), "it is the address of a key"),
        (format!("SK_TEST_{RANDOM}"), "it begins in capitals"),
        (RANDOM.into(), "it begins neither with"),
        (format!("{key};"), "it ends with something"),
        (format!("{key}\\n"), "it ends with something"),
        (format!("{key}-a"), "its character 35 is invalid"),
        ("rk_test_a".into(), "it has only 9 characters"),
        (format!("rk_{RANDOM}"), "characters: copy all of it"),
    ] {
        let mistake = ApiKey::new(&text, Medium::Variable).expect_err(told);
        assert!(mistake.contains(told), "{told}: {mistake}");
        assert!(!mistake.contains("Do8Not") && !mistake.contains("9Show7"), "{mistake}");
    }
}

/// A folder with a configuration of the Stripe CLI, and files of keys.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room"))
    }

    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let file = self.0.path().join(name);
        fs::create_dir_all(file.parent().expect("it is in a folder")).expect("it can be made");
        fs::write(&file, text).expect("it can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
        file
    }

    fn environment(&self, variables: &[(&str, &str)]) -> Environment {
        Environment::of(|name| match name {
            "HOME" => Some(self.0.path().into()),
            _ => variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into()),
        })
    }
}

/// Finds the key. `file` is named by the configuration file, or by a flag.
fn found(
    environment: &Environment,
    file: Option<(&std::path::Path, bool)>,
    caller: Caller<'_>,
) -> Result<FoundKey, String> {
    let (mut settings, mut origins) = (Settings::default(), Origins::default());
    if let Some((file, is_flag)) = file {
        settings.stripe_api_key_file = Some(file.to_owned());
        let setting = Settings::TABLE.iter().find(|setting| setting.field == "stripe_api_key_file");
        let origin = match is_flag {
            true => Origin::Flag("--stripe-api-key-file".to_owned()),
            false => Origin::File { path: std::path::Path::new("shop.toml").into(), line: 3 },
        };
        origins.note(setting.expect("it is in the table"), &origin);
    }
    let mut problems = Problems::default();
    let found = find((&settings, &origins), environment, caller, &mut problems);
    match found {
        Some(found) if problems.is_empty() => Ok(found),
        _ => Err(problems.to_string()),
    }
}

const PERSON: Caller<'_> = Caller::Person { profile: None };

#[test]
fn what_is_nearest_to_the_command_prevails() {
    let home = Home::new();
    let file = home.write("key", &format!("rk_test_{RANDOM}\n"));
    let cli = home
        .write(".config/stripe/config.toml", &format!("[default]\ntest_mode_api_key = 'sk_test_{RANDOM}'\n"));
    let variable = format!("sk_live_{RANDOM}");
    let with = home.environment(&[("STRIPE_API_KEY", &variable)]);
    let without = home.environment(&[]);
    let shown = file.display();
    for (environment, file, caller, expected) in [
        (&with, None, PERSON, "sk_live_… from STRIPE_API_KEY".to_owned()),
        (&with, Some((&*file, false)), PERSON, "sk_live_… from STRIPE_API_KEY".to_owned()),
        (&with, Some((&*file, true)), PERSON, format!("rk_test_… from the file {shown}")),
        (&without, Some((&*file, false)), PERSON, format!("rk_test_… from the file {shown}")),
        (
            &without,
            None,
            PERSON,
            format!("sk_test_… from the profile `default` of the Stripe CLI ({})", cli.display()),
        ),
    ] {
        assert_eq!(found(environment, file, caller).expect("there is one").to_string(), expected);
    }
    let missing = found(&without, None, Caller::Server { handler: "paid" })
        .expect_err("a server does not take a person's");
    assert!(
        missing.contains("no key of Stripe's API, which handler paid needs")
            && !missing.contains("stripe login"),
        "{missing}"
    );
    let missing = found(&Home::new().environment(&[]), None, PERSON).expect_err("there is none");
    assert!(missing.contains("no key of Stripe's API") && missing.contains("stripe login"), "{missing}");
}

#[test]
fn a_profile_of_the_stripe_cli_is_read() {
    let key = format!("rk_test_{RANDOM}");
    let named = Caller::Person { profile: Some("shop") };
    for (text, caller, expected) in [
        (
            format!("[default]\nsecret_key = 'sk_test_{RANDOM}'"),
            PERSON,
            "sk_test_… from the profile `default`",
        ),
        (
            format!("[shop]\ntest_mode_api_key = '{key}'\n[default]\n"),
            named,
            "rk_test_… from the profile `shop`",
        ),
        (
            format!("[default]\ntest_mode_api_key = '{key}'\ntest_mode_key_expires_at = '2999-02-20'"),
            PERSON,
            "which expires on 2999-02-20",
        ),
        (
            format!("[default]\ntest_mode_api_key = '{key}'\ntest_mode_key_expires_at = '2020-02-20'"),
            PERSON,
            "expired on 2020-02-20: run `stripe login`",
        ),
        (format!("[default]\nsecret_key = 'sk_live_{RANDOM}'"), PERSON, "a live key is not taken from there"),
        ("[default]\ntest_mode_api_key = 'rk_test_*****0000'".into(), PERSON, "only a redacted key"),
        (format!("[default]\nlive_mode_api_key = 'rk_live_{RANDOM}'"), PERSON, "no key of Stripe's API"),
        ("color = ''".into(), PERSON, "no key of Stripe's API"),
        ("[default]".into(), named, "has no profile `shop`"),
        (format!("[default]\ntest_mode_api_key = '{key}' x"), PERSON, "is not TOML"),
        (format!("[default]\ntest_mode_api_key = '{key}-'"), PERSON, "is invalid"),
    ] {
        let home = Home::new();
        home.write(".config/stripe/config.toml", &text);
        let told = match found(&home.environment(&[]), None, caller) {
            Ok(found) => format!("{found} {found:?}"),
            Err(problem) => problem,
        };
        assert!(told.contains(expected), "{expected}: {told}");
        assert!(!told.contains("Do8Not"), "{told}");
    }
    let home = Home::new();
    home.write("xdg/stripe/config.toml", &format!("[shop]\ntest_mode_api_key = '{key}'\n"));
    let xdg = home.0.path().join("xdg");
    let variables =
        [("XDG_CONFIG_HOME", xdg.to_str().expect("it is UTF-8")), ("STRIPE_PROJECT_NAME", "shop")];
    found(&home.environment(&variables), None, PERSON).expect("the variables name it");
}

#[test]
fn a_key_in_place_of_its_file_is_not_shown() {
    let home = Home::new();
    for is_flag in [true, false] {
        let file = std::path::PathBuf::from(format!("sk_live_{RANDOM}"));
        let told =
            found(&home.environment(&[]), Some((&file, is_flag)), PERSON).expect_err("it is not a file");
        assert!(told.contains("the key itself was given") && !told.contains("Do8Not"), "{told}");
        assert_eq!(told.contains("list of processes"), is_flag, "{told}");
    }
    let told = found(&home.environment(&[("STRIPE_API_KEY", &format!("pk_test_{RANDOM}"))]), None, PERSON);
    let told = told.expect_err("it is publishable");
    assert!(told.contains("STRIPE_API_KEY: it is a publishable key") && !told.contains("Do8Not"), "{told}");
    let file = home.write("key", &format!("'sk_live_{RANDOM}'"));
    let told = found(&home.environment(&[]), Some((&file, false)), PERSON).expect_err("it has quotes");
    assert!(told.contains("shop.toml:3: the key file") && told.contains("it is in quotes"), "{told}");
}
