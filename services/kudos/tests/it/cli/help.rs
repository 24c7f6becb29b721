use tempfile::TempDir;

use super::run;

const COMMANDS: [&str; 8] =
    ["serve", "config", "completions", "seed", "import", "backup", "verify", "explain"];

#[tokio::test]
async fn each_command_has_an_example_and_its_exit_codes_in_its_help() {
    let folder = TempDir::new().unwrap();
    let all = run(folder.path(), &["--help"]).await.stdout;
    for command in COMMANDS {
        assert!(all.contains(&format!("\n  {command} ")), "{all}");
        let help = run(folder.path(), &[command, "--help"]).await;
        assert_eq!((help.code, help.stderr.as_str()), (0, ""));
        assert!(help.stdout.contains(&format!("Example:\n  kudos {command}")), "{help:?}");
        assert!(help.stdout.contains("Exit codes: 0 "), "{help:?}");
    }
}

#[tokio::test]
async fn wrong_usage_does_not_look_like_refused_lines() {
    let folder = TempDir::new().unwrap();
    for wrong in [&["sed"][..], &["import"], &["explain", "a/b"], &["seed", "--posts", "0"]] {
        let ran = run(folder.path(), wrong).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (64, ""), "{wrong:?}");
        assert!(ran.stderr.starts_with("error:"), "{ran:?}");
    }
}

#[tokio::test]
async fn completions_know_the_commands() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(folder.path(), &["completions", shell]).await;
        assert_eq!(script.code, 0);
        assert!(COMMANDS.iter().all(|command| script.stdout.contains(command)), "{shell}");
    }
}
