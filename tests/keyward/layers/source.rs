//! Reads Rust source just far enough to list the paths in it. Start at [`Source::parse`].
//!
//! Comments, string literals and items under `#[cfg(test)]` are skipped. This is no compiler: a path is a chain of identifiers joined
//! by `::`, and a name is resolved only through `crate`, `self`, `super`, child modules and `pub use`.

use std::collections::BTreeSet;

/// A path in the source, as written: `["super", "key", "Key"]`.
#[derive(Debug)]
pub struct SourcePath {
    pub segments: Vec<String>,
    /// Line number, starting at 1.
    pub line: usize,
    /// Name that a `pub use` gives to the item; `None` for any other path.
    pub exported_as: Option<String>,
}

/// One source file.
#[derive(Debug, Default)]
pub struct Source {
    pub paths: Vec<SourcePath>,
    /// Child modules that the file declares with `mod name;`.
    pub children: BTreeSet<String>,
    /// Single identifiers outside `use` and `mod` items.
    pub identifiers: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TokenKind {
    Identifier(String),
    PathSeparator,
    Symbol(char),
}

use TokenKind::{Identifier, PathSeparator, Symbol};

#[derive(Debug)]
struct Token {
    kind: TokenKind,
    line: usize,
}

/// Splits source text into identifiers and symbols. Literals and comments are dropped.
fn tokenize(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied().unwrap_or('\0');
        let start = at;
        if c == '/' && next == '/' {
            at = end_of_line(&chars, at);
        } else if c == '/' && next == '*' {
            at = end_of_block_comment(&chars, at);
        } else if let Some(end) = end_of_raw_string(&chars, at) {
            at = end;
        } else if c == '"' {
            at = end_of_quoted(&chars, at + 1, '"');
        } else if c == '\'' {
            // A character literal; a lifetime has no closing quote.
            let is_literal = next == '\\' || chars.get(at + 2) == Some(&'\'');
            at = if is_literal { end_of_quoted(&chars, at + 1, '\'') } else { at + 1 };
        } else if c.is_alphabetic() || c == '_' {
            while chars.get(at).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                at += 1;
            }
            tokens.push(Token { kind: Identifier(chars[start..at].iter().collect()), line });
        } else if c == ':' && next == ':' {
            tokens.push(Token { kind: PathSeparator, line });
            at += 2;
        } else {
            if !c.is_whitespace() && !c.is_ascii_digit() {
                tokens.push(Token { kind: Symbol(c), line });
            }
            at += 1;
        }
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| from + length)
}

fn end_of_block_comment(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn end_of_quoted(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Returns the end of `r"…"`, `r#"…"#` or `br"…"` if one starts here.
fn end_of_raw_string(chars: &[char], from: usize) -> Option<usize> {
    if from > 0 && (chars[from - 1].is_alphanumeric() || chars[from - 1] == '_') {
        return None;
    }
    let prefix = usize::from(chars[from] == 'b');
    if chars.get(from + prefix) != Some(&'r') {
        return None;
    }
    let hashes = chars[from + prefix + 1..].iter().take_while(|c| **c == '#').count();
    let open = from + prefix + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (open + 1..chars.len()).find(|&at| closes(at)).map(|at| at + 1 + hashes)
}

/// Removes every item marked with `#[cfg(test)]`, up to its `;` or its closing brace.
fn remove_test_items(tokens: Vec<Token>) -> Vec<Token> {
    let is_marker = |at: usize| {
        let words = ["#", "[", "cfg", "(", "test", ")", "]"];
        words.iter().enumerate().all(|(n, word)| match tokens.get(at + n).map(|token| &token.kind) {
            Some(Identifier(name)) => name == word,
            Some(Symbol(symbol)) => word.starts_with(*symbol),
            _ => false,
        })
    };
    let mut keep = vec![true; tokens.len()];
    let mut at = 0;
    while at < tokens.len() {
        if !is_marker(at) {
            at += 1;
            continue;
        }
        let mut depth = 0;
        let end = (at + 7..tokens.len()).find(|&end| match tokens[end].kind {
            Symbol('{') => {
                depth += 1;
                false
            }
            Symbol('}') => {
                depth -= 1;
                depth == 0
            }
            Symbol(';') => depth == 0,
            _ => false,
        });
        let end = end.map_or(tokens.len(), |end| end + 1);
        keep[at..end].fill(false);
        at = end;
    }
    tokens.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(token, _)| token).collect()
}

impl Source {
    pub fn parse(source: &str) -> Self {
        let tokens = remove_test_items(tokenize(source));
        let mut parsed = Self::default();
        let mut at = 0;
        let mut is_public = false;
        while let Some(token) = tokens.get(at) {
            match &token.kind {
                Identifier(word) if word == "pub" => {
                    is_public = true;
                    at += 1;
                    if tokens.get(at).is_some_and(|token| token.kind == Symbol('(')) {
                        while tokens.get(at).is_some_and(|token| token.kind != Symbol(')')) {
                            at += 1;
                        }
                    }
                    continue;
                }
                Identifier(word) if word == "use" => {
                    at = parsed.read_use_tree(&tokens, at + 1, &[], is_public);
                    continue;
                }
                Identifier(word) if word == "mod" => {
                    if let (
                        Some(Token { kind: Identifier(name), .. }),
                        Some(Token { kind: Symbol(';'), .. }),
                    ) = (tokens.get(at + 1), tokens.get(at + 2))
                    {
                        parsed.children.insert(name.clone());
                        at += 2;
                    }
                }
                Identifier(_) => {
                    let (segments, next) = read_path(&tokens, at);
                    parsed.identifiers.extend(segments.iter().cloned());
                    if segments.len() > 1 {
                        parsed.paths.push(SourcePath { segments, line: token.line, exported_as: None });
                    }
                    at = next;
                    is_public = false;
                    continue;
                }
                _ => is_public = false,
            }
            at += 1;
        }
        parsed
    }

    /// Reads a `use` tree that starts at token `at`, and returns the index of the token after it.
    fn read_use_tree(&mut self, tokens: &[Token], at: usize, prefix: &[String], is_public: bool) -> usize {
        let line = tokens.get(at).map_or(0, |token| token.line);
        let (own, mut at) = read_path(tokens, at);
        let mut segments = [prefix, &own].concat();
        match tokens.get(at).map(|token| &token.kind) {
            Some(Symbol('{')) => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.kind != Symbol('}')) {
                    at = self.read_use_tree(tokens, at, &segments, is_public);
                    if tokens.get(at).is_some_and(|token| token.kind == Symbol(',')) {
                        at += 1;
                    }
                }
                at + 1
            }
            Some(Symbol('*')) => {
                self.paths.push(SourcePath { segments, line, exported_as: None });
                at + 1
            }
            next => {
                if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
                    segments.pop();
                }
                let mut name = segments.last().cloned();
                if next == Some(&Identifier("as".to_owned())) {
                    name = tokens.get(at + 1).and_then(|token| match &token.kind {
                        Identifier(alias) => Some(alias.clone()),
                        _ => None,
                    });
                    at += 2;
                }
                let exported_as = name.filter(|_| is_public);
                self.paths.push(SourcePath { segments, line, exported_as });
                at
            }
        }
    }
}

/// Reads a path such as `a::b::c` that starts at token `at`. Returns its identifiers and the index of the token after it; a trailing `::`
/// belongs to the path.
fn read_path(tokens: &[Token], mut at: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    loop {
        match tokens.get(at).map(|token| &token.kind) {
            Some(PathSeparator) => at += 1,
            Some(Identifier(name)) if segments.is_empty() || tokens[at - 1].kind == PathSeparator => {
                segments.push(name.clone());
                at += 1;
            }
            _ => return (segments, at),
        }
    }
}
