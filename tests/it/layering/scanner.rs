//! Reads a Rust source file just far enough to know which paths it mentions.
//!
//! Guarantee: comments, string literals and `#[cfg(test)]` modules are never taken for code; grouped
//! imports, renames, `self` and `super` are resolved, so `use super::super::pipeline` is seen as
//! `crate::pipeline`. Paths that a macro would build are not seen.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What one file says about other modules and crates.
pub(super) struct Source {
    pub(super) mentions: Vec<Mention>,
    /// Files that this one declares as `#[cfg(test)] mod name;`, relative like the file itself.
    pub(super) test_files: Vec<PathBuf>,
    /// Lines before the trailing test module; all lines when there is none.
    pub(super) code_lines: usize,
}

/// A path in the code, resolved: `["crate", "domain", "event"]` or `["rdkafka", "Message"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
}

/// Scans the text of `file`, whose path is relative to the folder of `lib.rs`.
pub(super) fn scan(file: &Path, text: &str) -> Source {
    let mut reader = Reader {
        tokens: tokens(text),
        at: 0,
        home: module_of(file),
        file,
        blocks: Vec::new(),
        mentions: Vec::new(),
        aliases: HashMap::new(),
        test_files: Vec::new(),
        tests_from: None,
    };
    reader.read();
    let Reader { mentions, aliases, test_files, tests_from, .. } = reader;
    let expand = |mention: Mention| match aliases.get(&mention.path[0]) {
        Some(full) => {
            let path = full.iter().chain(&mention.path[1..]).cloned().collect();
            Mention { path, ..mention }
        }
        None => mention,
    };
    Source {
        mentions: mentions.into_iter().map(expand).collect(),
        test_files,
        code_lines: tests_from.map_or(text.lines().count(), |line| line - 1),
    }
}

/// `adapters/kafka/mod.rs` is `["crate", "adapters", "kafka"]`.
fn module_of(file: &Path) -> Vec<String> {
    let mut module = vec!["crate".to_owned()];
    let path = file.with_extension("");
    module.extend(path.iter().map(|part| part.to_string_lossy().into_owned()));
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    /// `::`
    Colons,
    Sign(char),
}

fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1 };
    let mut found = Vec::new();
    while let Some((line, token)) = lexer.next_token() {
        found.push((line, token));
    }
    found
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn step(&mut self) -> char {
        let char = self.peek(0);
        self.at += 1;
        self.line += usize::from(char == '\n');
        char
    }

    fn more(&self) -> bool {
        self.at < self.chars.len()
    }

    fn next_token(&mut self) -> Option<(usize, Token)> {
        while self.more() {
            let line = self.line;
            match (self.peek(0), self.peek(1)) {
                ('/', '/') => while self.more() && self.step() != '\n' {},
                ('/', '*') => self.skip_block_comment(),
                ('"', _) => return Some((line, Token::Text(self.string()))),
                ('\'', _) => self.skip_character_or_lifetime(),
                (':', ':') => {
                    self.at += 2;
                    return Some((line, Token::Colons));
                }
                (start, _) if start.is_alphanumeric() || start == '_' => {
                    let word = self.word();
                    let raw = matches!(word.as_str(), "r" | "br" | "cr");
                    if raw && let Some(text) = self.raw_string() {
                        return Some((line, Token::Text(text)));
                    }
                    if word == "r" && self.peek(0) == '#' {
                        self.step();
                        return Some((line, Token::Word(self.word())));
                    }
                    return Some((line, Token::Word(word)));
                }
                (blank, _) if blank.is_whitespace() => drop(self.step()),
                _ => return Some((line, Token::Sign(self.step()))),
            }
        }
        None
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
            word.push(self.step());
        }
        word
    }

    fn string(&mut self) -> String {
        let mut text = String::new();
        self.step();
        while self.more() {
            match self.step() {
                '"' => break,
                '\\' => drop(self.step()),
                other => text.push(other),
            }
        }
        text
    }

    /// After the `r`: the string, unless this was a raw identifier.
    fn raw_string(&mut self) -> Option<String> {
        let mut hashes = 0;
        while self.peek(hashes) == '#' {
            hashes += 1;
        }
        if self.peek(hashes) != '"' {
            return None;
        }
        for _ in 0..=hashes {
            self.step();
        }
        let mut text = String::new();
        while self.more() {
            let closes = self.peek(0) == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == '#');
            if closes {
                self.at += hashes + 1;
                break;
            }
            text.push(self.step());
        }
        Some(text)
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0;
        while self.more() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => {
                    self.at += 2;
                    depth += 1;
                }
                ('*', '/') => {
                    self.at += 2;
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => drop(self.step()),
            }
        }
    }

    fn skip_character_or_lifetime(&mut self) {
        self.step();
        if self.peek(0) == '\\' {
            self.at += 2;
            while self.more() && self.step() != '\'' {}
        } else if self.peek(1) == '\'' {
            self.step();
            self.step();
        }
        // Else a lifetime: its name follows as a word, which no path begins with.
    }
}

struct Reader<'a> {
    tokens: Vec<(usize, Token)>,
    at: usize,
    /// The file's module; `blocks` adds the inline modules that are open.
    home: Vec<String>,
    file: &'a Path,
    blocks: Vec<Option<String>>,
    mentions: Vec<Mention>,
    aliases: HashMap<String, Vec<String>>,
    test_files: Vec<PathBuf>,
    tests_from: Option<usize>,
}

impl Reader<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at).map(|(_, token)| token)
    }

    fn word(&self, at: usize) -> Option<&str> {
        match self.token(at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is(&self, at: usize, sign: char) -> bool {
        self.token(at) == Some(&Token::Sign(sign))
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |(line, _)| *line)
    }

    fn read(&mut self) {
        while self.at < self.tokens.len() {
            let opens_module = self.word(self.at) == Some("mod") && self.is(self.at + 2, '{');
            if self.skip_test_module() {
                continue;
            } else if self.word(self.at) == Some("use") && !self.is(self.at + 1, '<') {
                self.at += 1;
                self.use_tree(Vec::new());
            } else if opens_module {
                let name = self.word(self.at + 1).map(str::to_owned);
                self.blocks.push(name);
                self.at += 3;
            } else if self.is(self.at, '{') {
                self.blocks.push(None);
                self.at += 1;
            } else if self.is(self.at, '}') {
                self.blocks.pop();
                self.at += 1;
            } else if self.word(self.at).is_some() && self.token(self.at + 1) == Some(&Token::Colons) {
                self.inline_path();
            } else {
                self.at += 1;
            }
        }
    }

    /// `#[cfg(test)] mod tests { … }` and `#[cfg(test)] #[path = "x.rs"] mod tests;`.
    fn skip_test_module(&mut self) -> bool {
        let start = self.at;
        let words = [(2, "cfg"), (4, "test")];
        let signs = [(0, '#'), (1, '['), (3, '('), (5, ')'), (6, ']')];
        if !words.iter().all(|(ahead, word)| self.word(start + ahead) == Some(word))
            || !signs.iter().all(|(ahead, sign)| self.is(start + ahead, *sign))
        {
            return false;
        }
        let mut at = start + 7;
        let mut named = None;
        while self.is(at, '#') {
            if self.word(at + 2) == Some("path")
                && let Some(Token::Text(file)) = self.token(at + 4)
            {
                named = Some(file.clone());
            }
            at = self.past_closing(at + 1, '[', ']');
        }
        if self.word(at) == Some("pub") {
            at = if self.is(at + 1, '(') { self.past_closing(at + 1, '(', ')') } else { at + 1 };
        }
        let Some(name) = self.word(at + 1).filter(|_| self.word(at) == Some("mod")) else {
            return false;
        };
        if self.is(at + 2, ';') {
            let file = self.test_file(name, named);
            self.test_files.push(file);
            self.at = at + 3;
            return true;
        }
        let line = self.line();
        self.at = self.past_closing(at + 2, '{', '}');
        if self.at >= self.tokens.len() {
            self.tests_from = Some(line);
        }
        true
    }

    fn test_file(&self, name: &str, named: Option<String>) -> PathBuf {
        match named {
            Some(named) => self.file.with_file_name(named),
            None => {
                let folder: PathBuf = self.home[1..].iter().collect();
                folder.join(format!("{name}.rs"))
            }
        }
    }

    /// The place after the sign that closes the one at `at`.
    fn past_closing(&self, at: usize, open: char, close: char) -> usize {
        let mut depth = 0usize;
        for here in at..self.tokens.len() {
            depth += usize::from(self.is(here, open));
            if self.is(here, close) {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return here + 1;
                }
            }
        }
        self.tokens.len()
    }

    /// One branch of an import, up to its `,`, `}` or `;`.
    fn use_tree(&mut self, mut path: Vec<String>) {
        while self.at < self.tokens.len() {
            let line = self.line();
            match self.tokens[self.at].1.clone() {
                Token::Colons => self.at += 1,
                Token::Sign('{') => {
                    self.at += 1;
                    while self.at < self.tokens.len() && !self.is(self.at, '}') {
                        self.use_tree(path.clone());
                        self.at += usize::from(self.is(self.at, ','));
                    }
                    self.at += 1;
                    return;
                }
                Token::Sign('*') => {
                    self.at += 1;
                    self.mention(line, path);
                    return;
                }
                Token::Word(word) => {
                    self.at += 1;
                    if word != "self" || path.is_empty() {
                        path.push(word);
                    }
                    if self.token(self.at) != Some(&Token::Colons) {
                        self.imported(line, path);
                        return;
                    }
                }
                Token::Sign(_) | Token::Text(_) => {
                    self.at += 1;
                    return;
                }
            }
        }
    }

    /// The end of one import: notes the name it brings in.
    fn imported(&mut self, line: usize, path: Vec<String>) {
        let mut name = path.last().cloned().unwrap_or_default();
        if self.word(self.at) == Some("as") {
            name = self.word(self.at + 1).unwrap_or_default().to_owned();
            self.at += 2;
        }
        let full = self.resolve(path);
        self.aliases.insert(name, full.clone());
        self.mentions.push(Mention { line, path: full });
    }

    fn inline_path(&mut self) {
        let line = self.line();
        let mut path = Vec::new();
        while let Some(word) = self.word(self.at) {
            path.push(word.to_owned());
            self.at += 1;
            if self.token(self.at) != Some(&Token::Colons) {
                break;
            }
            self.at += 1;
        }
        self.mention(line, path);
    }

    fn mention(&mut self, line: usize, path: Vec<String>) {
        if !path.is_empty() {
            let path = self.resolve(path);
            self.mentions.push(Mention { line, path });
        }
    }

    /// Makes `crate`, `self`, `super` and our own crate's name into a path from `crate`.
    fn resolve(&self, path: Vec<String>) -> Vec<String> {
        let open = self.blocks.iter().flatten();
        let mut here: Vec<String> = self.home.iter().chain(open).cloned().collect();
        let rest = match path[0].as_str() {
            "crate" | "lookalike" => {
                here.truncate(1);
                &path[1..]
            }
            "self" => &path[1..],
            "super" => {
                let levels = path.iter().take_while(|part| *part == "super").count();
                here.truncate(here.len().saturating_sub(levels).max(1));
                &path[levels..]
            }
            _ => return path,
        };
        here.extend_from_slice(rest);
        here
    }
}
