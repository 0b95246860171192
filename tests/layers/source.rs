//! Rust source as the paths it names: enough of a lexer to leave comments, texts and tests out.

/// A path as it is written, with `use` trees spelled out: `use a::{b, c::d}` is `a::b` and `a::c::d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    pub segments: Vec<String>,
    pub line: usize,
}

impl Path {
    /// Whether `part` (`process::exit`) stands in it.
    pub fn has(&self, part: &str) -> bool {
        let part: Vec<&str> = part.split("::").collect();
        self.segments.windows(part.len()).any(|window| window.iter().eq(part.iter()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Step,
    Sign(char),
}

/// Every path of `source`, and every single word that is code.
pub fn paths(source: &str) -> Vec<Path> {
    let tokens = without_tests(&tokens(source));
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = match tokens[at].0 {
            Token::Word(_) => tree(&tokens, at, &[], &mut found),
            _ => at + 1,
        };
    }
    found
}

/// Reads one path or `use` tree that begins at `at`; answers where it ends.
fn tree(tokens: &[(Token, usize)], mut at: usize, before: &[String], found: &mut Vec<Path>) -> usize {
    let mut segments = before.to_vec();
    let line = tokens[at].1;
    while let Some((Token::Word(word), _)) = tokens.get(at) {
        segments.push(word.clone());
        at += 1;
        if !matches!(tokens.get(at), Some((Token::Step, _))) {
            break;
        }
        match tokens.get(at + 1) {
            Some((Token::Word(_), _)) => at += 1,
            Some((Token::Sign('{'), _)) => {
                at += 2;
                while !matches!(tokens.get(at), None | Some((Token::Sign('}'), _))) {
                    at = if matches!(tokens[at].0, Token::Word(_)) { tree(tokens, at, &segments, found) } else { at + 1 };
                }
                return at + 1;
            }
            _ => break,
        }
    }
    found.push(Path { segments, line });
    at
}

fn tokens(source: &str) -> Vec<(Token, usize)> {
    let text: Vec<char> = source.chars().collect();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut tokens, mut line, mut at) = (Vec::new(), 1, 0);
    while at < text.len() {
        let rest = &text[at..];
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] | ['b' | 'c', '"', ..] => quoted(rest),
            ['r', '"' | '#', ..] | ['b', 'r', '"' | '#', ..] if raw(rest).is_some() => raw(rest).unwrap_or(1),
            ['b', '\'', ..] | ['\'', '\\', ..] | ['\'', _, '\'', ..] => character(rest),
            ['\'', ..] => 1 + rest[1..].iter().take_while(|c| is_word(**c)).count(),
            [':', ':', ..] => {
                tokens.push((Token::Step, line));
                2
            }
            [c, ..] if is_word(*c) => {
                let word: String = rest.iter().take_while(|c| is_word(**c)).collect();
                let length = word.chars().count();
                tokens.push((Token::Word(word), line));
                length
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    tokens.push((Token::Sign(*c), line));
                }
                1
            }
            [] => 1,
        };
        line += rest[..length.min(rest.len())].iter().filter(|c| **c == '\n').count();
        at += length.max(1);
    }
    tokens
}

fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match &text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(text: &[char]) -> usize {
    let mut at = 1 + usize::from(text[0] != '"');
    while at < text.len() && text[at] != '"' {
        at += 1 + usize::from(text[at] == '\\');
    }
    at + 1
}

fn raw(text: &[char]) -> Option<usize> {
    let begin = 1 + usize::from(text[0] == 'b');
    let hashes = text[begin..].iter().take_while(|c| **c == '#').count();
    let open = begin + hashes;
    (text.get(open) == Some(&'"')).then_some(())?;
    let mut at = open + 1;
    while at < text.len() && !(text[at] == '"' && text[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes) {
        at += 1;
    }
    Some(at + 1 + hashes)
}

fn character(text: &[char]) -> usize {
    let mut at = 1 + usize::from(text[0] == 'b');
    while at < text.len() && text[at] != '\'' {
        at += 1 + usize::from(text[at] == '\\');
    }
    at + 1
}

/// Leaves out what stands under `#[cfg(test)]`.
fn without_tests(tokens: &[(Token, usize)]) -> Vec<(Token, usize)> {
    let marker = [Token::Sign('#'), Token::Sign('['), Token::Word("cfg".into()), Token::Sign('('), Token::Word("test".into())];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let is_test = tokens[at..].len() >= marker.len() && tokens[at..].iter().zip(&marker).all(|((token, _), mark)| token == mark);
        if !is_test {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0_usize;
        while let Some((token, _)) = tokens.get(at) {
            at += 1;
            match token {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') if depth <= 1 => break,
                Token::Sign('}') => depth -= 1,
                Token::Sign(';') if depth == 0 => break,
                _ => {}
            }
        }
    }
    kept
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let source = r##"
        use crate::{model::Address, kinds::{self, row}};
        // use crate::comment;
        /* crate::block /* crate::nested */ */
        fn f<'a>(x: &'a str) -> char { let _ = "crate::text \" crate::more"; let _ = r#"crate::raw"#; super::super::g::<u8>(x); 'c' }
        #[cfg(test)]
        mod tests { use crate::hidden; fn t() { { crate::hidden::x(); } } }
        const AFTER: u8 = std::process::exit;
    "##;
    let text: Vec<String> = paths(source).iter().filter(|p| p.segments.len() > 1).map(|p| p.segments.join("::")).collect();
    assert_eq!(text, ["crate::model::Address", "crate::kinds::self", "crate::kinds::row", "super::super::g", "std::process::exit"]);
    assert_eq!(paths("\n\n use a::b;").last().map(|path| path.line), Some(3));
    assert!(paths(source).iter().any(|path| path.has("process::exit")) && !paths(source).iter().any(|path| path.has("exit::process")));
}
