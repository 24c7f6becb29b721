//! Layers, refused keys, errors with their origin, and secrets.

use std::{fs, time::Duration};

use kudos_runtime::config::{
    ConfigError, Origin, SampleError, Sources, check_sample, render_effective,
};
use tempfile::{NamedTempFile, TempDir};

use crate::support::Settings;

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

fn load(sources: Sources) -> Result<Settings, ConfigError> {
    sources.load()
}

fn from_file(text: &str) -> Result<Settings, ConfigError> {
    let file = file(text);
    load(Sources::none().file(file.path()))
}

fn from_env(name: &str, value: &str) -> Result<Settings, ConfigError> {
    load(Sources::none().environment([(name, value)]))
}

fn message(result: Result<Settings, ConfigError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn without_sources_the_defaults_hold() {
    let settings = load(Sources::none()).unwrap();
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.http.shutdown_grace, Duration::from_secs(10));
    assert_eq!(settings.telemetry.otlp_endpoint, None);
    assert_eq!(settings.posts.kinds, ["like", "love"]);
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = file(
        "[http]\nlisten = '127.0.0.1:1'\nmax_body_bytes = 1\nrequest_timeout = '1s'\n\
         [posts.labels]\na = 1\n",
    );
    let sources = Sources::none()
        .file(file.path())
        .environment([
            ("KUDOS_HTTP__LISTEN", "127.0.0.1:2"),
            ("KUDOS_HTTP__MAX_BODY_BYTES", "2"),
            ("KUDOS_POSTS__LABELS__B", "2"),
            ("OTHER_HTTP__LISTEN", "127.0.0.1:9"),
        ])
        .flag("--listen", "http.listen", Some("127.0.0.1:3"))
        .flag("--body", "http.max_body_bytes", None::<u64>);
    let settings = load(sources).unwrap();
    assert_eq!(settings.http.listen.port(), 3);
    assert_eq!(settings.http.max_body_bytes, 2);
    assert_eq!(settings.http.request_timeout, Duration::from_secs(1));
    assert_eq!(settings.http.header_read_timeout, Duration::from_secs(30));
    assert_eq!(settings.posts.labels.len(), 2);
}

#[test]
fn text_takes_the_type_that_the_setting_wants() {
    let settings = load(Sources::none().environment([
        ("KUDOS_AUTH__ISSUER", "42"),
        ("KUDOS_AUTH__SECRET", "true"),
        ("KUDOS_POSTS__KINDS", r#"["wow"]"#),
        ("KUDOS_TELEMETRY__SAMPLE_RATIO", "1"),
        ("KUDOS_TELEMETRY__OTLP_ENDPOINT", ""),
        ("KUDOS_LOG__FORMAT", "pretty"),
    ]))
    .unwrap();
    assert_eq!(settings.auth.issuer.as_deref(), Some("42"));
    assert_eq!(settings.auth.secret.unwrap().expose_secret(), "true");
    assert_eq!(settings.posts.kinds, ["wow"]);
    assert_eq!(settings.telemetry.otlp_endpoint, None);
}

#[test]
fn the_last_assignment_of_a_key_wins() {
    let assignments = ["http.listen=127.0.0.1:1", "http.listen=127.0.0.1:2"];
    let settings = load(Sources::none().assignments("--set", assignments)).unwrap();
    assert_eq!(settings.http.listen.port(), 2);

    let refused = message(load(Sources::none().assignments("--set", ["http.listen"])));
    assert!(refused.starts_with("--set takes `key=value`"), "{refused}");
}

#[test]
fn an_unknown_key_of_a_file_is_refused_with_the_nearest_one_named() {
    let refused = message(from_file("[http]\nlisen = '127.0.0.1:1'\n"));
    assert!(refused.contains("unknown setting `http.lisen` (from file "), "{refused}");
    assert!(refused.ends_with("did you mean `http.listen`?"), "{refused}");
}

#[test]
fn every_unknown_key_is_named_at_once_even_in_unknown_sections() {
    let refused = from_file("[htpp]\nlisten = 'x'\n[zzz.zzz]\nqqq = 1\n").unwrap_err();
    let ConfigError::Unknown(keys) = refused else {
        panic!("{refused}");
    };
    assert_eq!(keys[0].key, "htpp.listen");
    assert_eq!(keys[0].nearest.as_deref(), Some("http.listen"));
    assert_eq!(keys[1].key, "zzz.zzz.qqq");
    assert_eq!(keys[1].nearest, None);
}

#[test]
fn an_optional_setting_that_is_off_by_default_is_known_too() {
    let refused = message(from_file("[telemetry]\notlp_endpint = 'x'\n"));
    assert!(refused.ends_with("did you mean `telemetry.otlp_endpoint`?"), "{refused}");
}

#[test]
fn a_sample_that_says_too_little_or_something_else_is_refused() {
    let refused = |sample: &str| check_sample::<Settings>(sample).unwrap_err();
    let SampleError::Missing(missing) = refused("") else { panic!("an empty sample") };
    assert!(missing.contains(&"auth.secret".to_owned()), "{missing:?}");
    assert!(matches!(refused("[log]\nlevel = 'warn'\n"), SampleError::Active));
    let other = "[log]\n# What is logged.\n#level = 'warn'\n";
    assert!(matches!(refused(other), SampleError::OtherDefaults { .. }));
    assert!(matches!(refused("#nothing = 1"), SampleError::Config(_)));
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_one_named() {
    let refused = message(from_env("KUDOS_HTTP_LISTEN", "127.0.0.1:1"));
    assert!(refused.contains("from environment variable KUDOS_HTTP_LISTEN"), "{refused}");
    assert!(refused.ends_with("did you mean `KUDOS_HTTP__LISTEN`?"), "{refused}");
}

#[test]
fn variables_that_are_no_settings_are_left_alone() {
    let sources = Sources::none()
        .environment([
            ("KUDOS_CONFIG", "/nowhere"),
            ("KUDOS_SERVICE_HOST", "10.0.0.1"),
            ("KUDOS_PORT", "tcp://10.0.0.1:80"),
            ("KUDOS_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("KUDOS_STACK_REDIS", "127.0.0.1:7000"),
            ("KUDOS_URL", "http://127.0.0.1:8080"),
        ])
        .ignore_variable("KUDOS_URL");
    load(sources).unwrap();
}

#[test]
fn a_wrong_value_names_its_key_its_origin_and_what_is_expected() {
    let refused = message(from_file("[http]\nmax_body_bytes = 'big'\n"));
    assert!(refused.starts_with("setting `http.max_body_bytes` (from file /"), "{refused}");
    assert!(refused.ends_with("invalid type: string \"big\", expected usize"), "{refused}");

    let refused = message(from_env("KUDOS_HTTP__REQUEST_TIMEOUT", "10"));
    assert!(refused.contains("(from environment variable KUDOS_HTTP__REQUEST_TIMEOUT)"));
    assert!(refused.contains("expected a positive duration with its unit"), "{refused}");

    let flag = Sources::none().flag("--listen", "http.listen", Some("here"));
    let refused = message(load(flag));
    assert!(refused.starts_with("setting `http.listen` (from flag --listen): "), "{refused}");

    let refused = message(from_env("KUDOS_TELEMETRY__SAMPLE_RATIO", "1.5"));
    assert!(refused.contains("expected a share from 0 to 1"), "{refused}");

    let refused = message(from_env("KUDOS_LOG__FORMAT", "xml"));
    assert!(refused.contains("expected `json` or `pretty`"), "{refused}");

    let refused = message(from_env("KUDOS_LOG__LEVEL", "kudos=loud"));
    assert!(refused.starts_with("setting `log.level`"), "{refused}");

    let refused = message(from_env("KUDOS_HTTP", "on"));
    assert!(refused.starts_with("setting `http` (from environment"), "{refused}");
}

#[test]
fn broken_toml_is_named_by_line_without_showing_it() {
    let refused = message(from_file("[auth]\nsecret = 'hunter2\n"));
    assert!(refused.contains(":2:"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let folder = TempDir::new().unwrap();
    let refused = load(Sources::none().file(folder.path().join("kudos.toml")));
    assert!(matches!(refused, Err(ConfigError::ReadFile { .. })));
}

#[test]
fn a_secret_is_shown_nowhere() {
    let settings = from_env("KUDOS_AUTH__SECRET", "hunter2").unwrap();
    let effective = render_effective(&settings).unwrap();
    assert!(!format!("{settings:?} {settings:#?}").contains("hunter2"));
    assert!(!effective.contains("hunter2"));
    assert!(effective.contains(r#"secret = "[redacted]""#), "{effective}");

    let refused = message(from_file(&effective));
    assert!(refused.contains("not its placeholder"), "{refused}");
    let refused = message(from_file("[auth]\nsecret = 4711\n"));
    assert!(!refused.contains("4711"), "{refused}");
}

#[test]
fn the_effective_settings_read_back_as_the_same() {
    let settings = from_env("KUDOS_HTTP__REQUEST_TIMEOUT", "1m 500ms").unwrap();
    let again = from_file(&render_effective(&settings).unwrap()).unwrap();
    assert_eq!(again.http, settings.http);
}

#[test]
fn a_secret_comes_from_a_file_less_one_newline() {
    let secret = file("hunter2\n\n");
    let path = secret.path().to_str().unwrap();
    for settings in [
        from_env("KUDOS_AUTH__SECRET_FILE", path),
        from_file(&format!("[auth]\nsecret_file = '{path}'\n")),
    ] {
        let secret = settings.unwrap().auth.secret.unwrap();
        assert_eq!(secret.expose_secret(), "hunter2\n");
    }
}

#[test]
fn the_higher_layer_wins_between_a_secret_and_its_file() {
    let secret = file("from the secret's file");
    let path = secret.path().to_str().unwrap();
    let plain = file("[auth]\nsecret = 'plain'\n");
    let named = file(&format!("[auth]\nsecret_file = '{path}'\n"));
    let over = |file: &NamedTempFile, name: &str, value: &str| {
        let sources = Sources::none().file(file.path());
        let settings = load(sources.environment([(name, value)])).unwrap();
        settings.auth.secret.unwrap().expose_secret().to_owned()
    };
    assert_eq!(over(&plain, "KUDOS_AUTH__SECRET_FILE", path), "from the secret's file");
    assert_eq!(over(&named, "KUDOS_AUTH__SECRET", "plain"), "plain");
}

#[test]
fn a_secret_given_twice_on_one_layer_is_refused() {
    let refused = from_file("[auth]\nsecret = 'a'\nsecret_file = '/b'\n");
    assert!(matches!(refused, Err(ConfigError::SecretTwice { .. })));
}

#[test]
fn a_secret_s_file_that_is_missing_names_the_setting_and_the_path() {
    let refused = from_env("KUDOS_AUTH__SECRET_FILE", "/nowhere/secret").unwrap_err();
    let ConfigError::SecretFile { key, origin, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(key, "auth.secret");
    assert_eq!(*origin, Origin::Env("KUDOS_AUTH__SECRET_FILE".into()));
}

#[test]
fn only_a_secret_has_a_file_form() {
    let refused = message(from_env("KUDOS_AUTH__ISSUER_FILE", "/etc/hosts"));
    assert!(refused.contains("unknown setting `auth.issuer_file`"), "{refused}");

    let both = from_file("[auth]\nkeys = 'a'\nkeys_file = '/keys.json'\n").unwrap();
    assert_eq!(both.auth.keys.as_deref(), Some("a"));
    assert_eq!(both.auth.keys_file.as_deref(), Some("/keys.json"));
}
