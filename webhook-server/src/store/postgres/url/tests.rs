//! URLs: what is read, what is refused, and that no password is told.

use super::*;

fn read(url: &str) -> Url {
    Url::parse(url).unwrap_or_else(|must_be| panic!("{url}: it must be {must_be}"))
}

#[test]
fn a_url_names_hosts_a_login_and_a_database() {
    let url = read("postgres://sh%6fp:ge%2Fh%40im@db1:5433,db2,[::1]:6000/or%20ders?application_name=shop");
    let hosts: Vec<_> = url.hosts.iter().map(|host| (&*host.name, host.port)).collect();
    assert_eq!(hosts, [("db1", 5433), ("db2", 5432), ("::1", 6000)]);
    assert_eq!(url.user.as_deref(), Some("shop"));
    assert_eq!(url.password.as_deref().map(String::as_str), Some("ge/h@im"));
    assert_eq!(url.to_string(), "or ders on db1:5433,db2,[::1]:6000");
    assert_eq!(url.application_name(), "shop");
    let config = url.config(&url.hosts[0]);
    assert_eq!(config.get_password(), Some(&b"ge/h@im"[..]));
    assert_eq!((config.get_dbname(), config.get_ports()), (Some("or ders"), &[5433][..]));
}

#[test]
fn parameters_may_say_the_same() {
    let url = read("postgresql:///shop?host=/run/postgresql&user=shop&password=a%26b&port=6000");
    assert_eq!((&*url.hosts[0].name, url.hosts[0].port), ("/run/postgresql", 6000));
    assert_eq!(url.password.as_deref().map(String::as_str), Some("a&b"));
    let url = read("postgres:///shop?host=a,b&port=1,2&target_session_attrs=read-write");
    let hosts: Vec<_> = url.hosts.iter().map(|host| (&*host.name, host.port)).collect();
    assert_eq!(hosts, [("a", 1), ("b", 2)]);
    assert_eq!(read("postgres://%2Frun%2Fpostgresql/shop").hosts[0].name, "/run/postgresql");
}

#[test]
fn encryption_is_as_in_libpq() {
    for (parameters, encryption, ssl_mode) in [
        ("", Encryption::Prefer, SslMode::Prefer),
        ("?sslmode=disable", Encryption::Disable, SslMode::Disable),
        ("?sslmode=require", Encryption::Require, SslMode::Require),
        ("?sslmode=require&sslrootcert=ca.pem", Encryption::VerifyCa, SslMode::Require),
        ("?sslmode=verify-full&sslrootcert=ca.pem", Encryption::VerifyFull, SslMode::Require),
        ("?sslrootcert=system", Encryption::VerifyFull, SslMode::Require),
    ] {
        let url = read(&format!("postgres://shop@db/shop{parameters}"));
        assert_eq!(url.encryption, encryption, "{parameters}");
        assert_eq!(url.config(&url.hosts[0]).get_ssl_mode(), ssl_mode, "{parameters}");
        let is_checked = matches!(encryption, Encryption::VerifyCa | Encryption::VerifyFull);
        assert_eq!(url.caution().is_none(), is_checked, "{parameters}");
    }
    for local in
        ["postgres://shop@localhost/shop", "postgres://shop@127.0.0.1/shop", "postgres:///shop?host=/run"]
    {
        assert_eq!(read(local).caution(), None, "{local}");
    }
    let socket = read("postgres:///shop?host=/run&sslmode=require");
    assert_eq!(socket.config(&socket.hosts[0]).get_ssl_mode(), SslMode::Disable);
}

#[test]
fn what_is_wrong_with_a_url_is_told_without_its_password() {
    for (url, must_be) in [
        ("postgres://shop:geheim@/shop", "names a host"),
        ("postgres://shop:geheim@db", "names a database"),
        ("postgres://shop:geheim@db/", "names a database"),
        ("postgres://shop:geheim/9@db/shop", "percent-encoded"),
        ("postgres://shop:geheim?9@db/shop", "percent-encoded"),
        ("postgres://shop@db:geheim/shop", "ports are numbers"),
        ("postgres://shop:geheim@db/shop?sslmod=require", "without the parameter `sslmod`; those"),
        ("postgres://shop:geheim@db/shop?sslmode=on", "`sslmode` is disable, prefer"),
        ("postgres://shop:geheim@db/shop?target_session_attrs=standby", "is read-write"),
        ("postgres://shop:geheim@a,b/shop?port=1,2,3", "one for each host"),
        ("postgres://shop:geheim%00@db/shop", "NUL"),
        ("postgres://shop:geheim%ff@db/shop", "UTF-8"),
        ("postgres://shop:geheim@[::1/shop", "has a `]`"),
    ] {
        let told = Url::parse(url).expect_err(url);
        assert!(told.contains(must_be) && !told.contains("geheim"), "{url}: {told}");
    }
}

#[test]
fn nothing_shows_the_password() {
    let url = read("postgres://shop:geheim@db/shop?application_name=x");
    assert_eq!(format!("{url} {url:?}"), "shop on db Url(shop on db)");
    let config = format!("{:?}", url.config(&url.hosts[0]));
    assert!(!config.contains("geheim"), "{config}");
}

#[test]
fn a_long_application_name_is_cut_between_letters() {
    let url = read(&format!("postgres://db/shop?application_name=a{}", "ü".repeat(40)));
    assert_eq!(url.application_name(), format!("a{}", "ü".repeat(31)));
}
