//! Commands in messages, such that they can be pasted: with the folder as it was written, quoted for the shell, and the flags that belong.
//!
//! The rooms below write `reeve unlock DIR`, for they know of no folder; what a person reads has it in that place.

use std::path::Path;

use crate::model::plan::Scope;

/// The placeholder for the stack's folder.
const DIR: &str = " DIR";

/// `text` with `dir` in the place of `DIR`, in each command that it names.
pub fn fill(text: &str, dir: Option<&Path>) -> String {
    let Some(dir) = dir.map(path) else { return text.to_owned() };
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(DIR) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let whole = !after[DIR.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '|');
        if whole && ends_in_command(before) {
            out.push(' ');
            out.push_str(&dir);
        } else {
            out.push_str(DIR);
        }
        rest = &after[DIR.len()..];
    }
    out + rest
}

/// Whether the last words are `reeve plan` or `reeve journal list`.
fn ends_in_command(text: &str) -> bool {
    let words: Vec<&str> = text.rsplit(' ').take(3).collect();
    let is_verb = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
    let is_reeve = |word: &&str| word.trim_start_matches(['`', '(']) == "reeve";
    let verbs = words.iter().take_while(|word| is_verb(word) && !is_reeve(word)).count();
    verbs > 0 && words.get(verbs).is_some_and(is_reeve)
}

/// `reeve VERB DIR`, with what limits it and what it allows.
pub fn command(verb: &str, dir: &Path, scope: &Scope) -> String {
    format!("reeve {verb} {}{}", path(dir), flags(scope))
}

/// The flags of a scope.
pub fn flags(scope: &Scope) -> String {
    let mut text = String::new();
    let mut flag = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            text.push_str(&format!(" --{name} {}", values.join(" ")));
        }
    };
    flag("target", scope.target.iter().map(|one| quote(one)).collect());
    flag("exclude", scope.exclude.iter().map(|one| quote(one)).collect());
    flag("allow-delete", scope.allow_delete.iter().map(|one| quote(one)).collect());
    let planes: Vec<&str> = scope.planes.iter().map(String::as_str).collect();
    flag("plane", if planes.is_empty() { Vec::new() } else { vec![quote(&planes.join(","))] });
    text
}

/// A path for a shell.
pub fn path(path: &Path) -> String {
    let text = path.display().to_string();
    // What begins with a dash would be taken for a flag.
    quote(&if text.starts_with('-') { format!("./{text}") } else { text })
}

/// A word for a shell.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./=:@%+,-".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_stands_in_commands_and_nowhere_else() {
        let at = |text: &str, dir: &str| fill(text, Some(Path::new(dir)));
        assert_eq!(at("take it back: reeve adopt DIR vpc.vpc vpc-1 (see x)", "e"), "take it back: reeve adopt e vpc.vpc vpc-1 (see x)");
        assert_eq!(at("`reeve journal verify DIR` says more", "../my estate"), "`reeve journal verify '../my estate'` says more");
        assert_eq!(
            at("`reeve plan DIR --out FILE`, then (see `reeve plan DIR`)", "-x"),
            "`reeve plan ./-x --out FILE`, then (see `reeve plan ./-x`)"
        );
        for other in ["the tag DIR of DIR", "reeve plan DIRT", "no reeve, here DIR", " DIR", "reeve DIR"] {
            assert_eq!(at(other, "e"), other);
        }
        assert_eq!(fill("`reeve unlock DIR`", None), "`reeve unlock DIR`");
    }

    #[test]
    fn a_command_keeps_its_flags_and_a_shell_reads_it_back() {
        let mut scope = Scope::default();
        assert_eq!(command("apply", Path::new("estate"), &scope), "reeve apply estate");
        scope.target.extend(["vpc".to_owned(), "a b".to_owned()]);
        scope.exclude.insert("it's".to_owned());
        scope.planes.extend(["aws".to_owned(), "docker".to_owned()]);
        let line = command("destroy", Path::new("my estate/x"), &scope);
        assert_eq!(line, r"reeve destroy 'my estate/x' --target 'a b' vpc --exclude 'it'\''s' --plane aws,docker");
        let out = std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
        let words = String::from_utf8(out.stdout).unwrap();
        assert_eq!(
            words.lines().collect::<Vec<_>>()[2..],
            ["my estate/x", "--target", "a b", "vpc", "--exclude", "it's", "--plane", "aws,docker"]
        );
    }
}
