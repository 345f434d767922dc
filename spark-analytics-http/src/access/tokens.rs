//! Tokens, kept as hashes, and the role of each.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Maximum number of tokens: each request is compared with all of them.
pub const MAX_TOKENS: usize = 1_000;
const MAX_NAME_BYTES: usize = 64;

/// What a token may do. Each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Read figures, raw events of jobs, and metrics.
    Read,
    /// Also send events.
    Write,
    /// Also see rejected input, from all senders.
    Admin,
}

impl Role {
    /// Its name in a file of tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = BadToken;

    /// # Errors
    /// [`BadToken::Role`] for an unknown role.
    fn from_str(text: &str) -> Result<Self, BadToken> {
        let all = [Self::Read, Self::Write, Self::Admin];
        all.into_iter().find(|role| role.name() == text).ok_or(BadToken::Role)
    }
}

/// Why the line of a token is invalid. It never repeats the line, which may contain a token by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BadToken {
    /// The line does not have three words.
    #[error("expected NAME ROLE SHA256")]
    Words,
    /// The name is too long or has invalid characters.
    #[error("a name must have 1 to 64 letters, digits, `-`, `_`, `.` or `@`")]
    Name,
    /// The role is unknown.
    #[error("a role must be `read`, `write` or `admin`")]
    Role,
    /// The hash is not 64 hexadecimal digits.
    #[error("the third word must be the SHA-256 of the token, 64 hexadecimal digits")]
    Hash,
    /// An earlier line has this name.
    #[error("an earlier line has the same name")]
    SameName,
    /// An earlier line has this hash.
    #[error("an earlier line has the same token")]
    SameHash,
    /// There are more than [`MAX_TOKENS`].
    #[error("there are more than {MAX_TOKENS} tokens")]
    TooMany,
}

/// Why a file of tokens is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BadTokens {
    /// A line is invalid.
    #[error("line {line}: {error}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// Why it is invalid.
        error: BadToken,
    },
    /// No line has a token, so that nobody could call the API.
    #[error("the file contains no tokens")]
    None,
}

/// The accepted tokens, by name, role and hash.
///
/// A file of tokens has a line for each: its name, its role and the SHA-256 of the token in hexadecimal. Empty lines,
/// and text after a `#`, are ignored. A token should have 256 random bits in any notation, because no slow hash
/// protects it.
///
/// ```
/// use spark_analytics_http::{Role, Tokens};
///
/// let line = Tokens::to_line("ci", Role::Write, "the token itself")?;
/// assert_eq!(line, "ci write 42f8d84719e6e7acf1f3bb395968414994d7c62c88733a2993917b58789a70fe");
/// let tokens = Tokens::parse(&format!("# who may call the API\n{line}\n"))?;
/// assert_eq!(tokens.holders().next(), Some(("ci", Role::Write)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tokens(Vec<Token>);

/// An accepted token.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) name: String,
    pub(crate) role: Role,
    hash: [u8; 32],
}

impl Tokens {
    /// Parses the text of a file of tokens.
    ///
    /// # Errors
    /// [`BadTokens`], with the number of the invalid line.
    pub fn parse(text: &str) -> Result<Self, BadTokens> {
        let (mut names, mut hashes) = (HashSet::new(), HashSet::new());
        let mut tokens = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            if line.trim().is_empty() {
                continue;
            }
            let wrong = |error| BadTokens::Line { line: at + 1, error };
            let token = Token::parse(line).map_err(wrong)?;
            if !names.insert(token.name.clone()) {
                return Err(wrong(BadToken::SameName));
            }
            if !hashes.insert(token.hash) {
                return Err(wrong(BadToken::SameHash));
            }
            if tokens.len() == MAX_TOKENS {
                return Err(wrong(BadToken::TooMany));
            }
            tokens.push(token);
        }
        if tokens.is_empty() { Err(BadTokens::None) } else { Ok(Self(tokens)) }
    }

    /// The line of a token in a file, without a line break.
    ///
    /// # Errors
    /// [`BadToken::Name`] if the name is invalid.
    pub fn to_line(name: &str, role: Role, token: &str) -> Result<String, BadToken> {
        if !is_name(name) {
            return Err(BadToken::Name);
        }
        let mut line = format!("{name} {role} ");
        for byte in Sha256::digest(token) {
            line += &format!("{byte:02x}");
        }
        Ok(line)
    }

    /// The name and the role of each, in the order of the lines.
    pub fn holders(&self) -> impl Iterator<Item = (&str, Role)> {
        self.0.iter().map(|token| (token.name.as_str(), token.role))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Looks up the token that was sent, and returns it with its index. Runs in time that depends only on the number
    /// of tokens, so it leaks nothing about their values.
    pub(crate) fn find(&self, sent: &[u8]) -> Option<(usize, &Token)> {
        let hash: [u8; 32] = Sha256::digest(sent).into();
        let mut found = None;
        for (at, token) in self.0.iter().enumerate() {
            if bool::from(token.hash.ct_eq(&hash)) {
                found = Some((at, token));
            }
        }
        found
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.holders()).finish()
    }
}

impl Token {
    fn parse(line: &str) -> Result<Self, BadToken> {
        let mut words = line.split_whitespace();
        let (Some(name), Some(role), Some(hash), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(BadToken::Words);
        };
        if !is_name(name) {
            return Err(BadToken::Name);
        }
        let hash = parse_hash(hash).ok_or(BadToken::Hash)?;
        Ok(Self { name: name.to_owned(), role: role.parse()?, hash })
    }
}

fn is_name(name: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_of_name)
}

fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut hash = [0; 32];
    if text.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::try_from(16 * digit(pair[0])? + digit(pair[1])?).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, token: &str) -> String {
        Tokens::to_line(name, Role::Read, token).unwrap()
    }

    #[track_caller]
    fn wrong(text: &str, line: usize, error: BadToken) {
        assert_eq!(Tokens::parse(text).unwrap_err(), BadTokens::Line { line, error });
    }

    #[test]
    fn a_token_is_found_by_itself_alone() {
        let text = format!("{} # of ada\n\n# all\n\t{}\r\n", line("a", "x"), line("b@c.d", "y"));
        let tokens = Tokens::parse(&text).unwrap();
        let name = |sent: &str| tokens.find(sent.as_bytes()).map(|(_, token)| &*token.name);
        assert_eq!((name("x"), name("y")), (Some("a"), Some("b@c.d")));
        let hash = text.split_whitespace().nth(2).unwrap();
        for sent in ["", "X", "xy", "a", hash] {
            assert_eq!(name(sent), None);
        }
    }

    #[test]
    fn a_hash_is_the_one_that_other_tools_compute() {
        // printf %s abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(line("a", "abc"), format!("a read {abc}"));
        let tokens = Tokens::parse(&format!("a admin {}", abc.to_uppercase())).unwrap();
        assert_eq!(tokens.find(b"abc").unwrap().1.role, Role::Admin);
    }

    #[test]
    fn an_error_names_the_line_and_never_repeats_it() {
        let (a, b) = (line("a", "x"), line("b", "y"));
        let hash = a.split(' ').nth(2).unwrap();
        wrong("a read", 1, BadToken::Words);
        wrong(&format!("{a}\n\n{b} more"), 3, BadToken::Words);
        wrong(&format!("{a}\na/b read {hash}"), 2, BadToken::Name);
        wrong(&format!("{} read {hash}", "x".repeat(65)), 1, BadToken::Name);
        wrong(&format!("a Read {hash}"), 1, BadToken::Role);
        wrong(&format!("a read {}", &hash[1..]), 1, BadToken::Hash);
        wrong(&format!("a read {}g", &hash[1..]), 1, BadToken::Hash);
        wrong(&format!("a read {}é", &hash[2..]), 1, BadToken::Hash);
        wrong(&format!("{a}\n{}", line("a", "z")), 2, BadToken::SameName);
        wrong(&format!("{a}\n{}", line("b", "x")), 2, BadToken::SameHash);
        let many: Vec<_> = (0..=MAX_TOKENS).map(|n| line(&n.to_string(), &n.to_string())).collect();
        wrong(&many.join("\n"), MAX_TOKENS + 1, BadToken::TooMany);
        assert!(Tokens::parse(&many[1..].join("\n")).is_ok());
        for nothing in ["", "\n", "# a read"] {
            assert_eq!(Tokens::parse(nothing).unwrap_err(), BadTokens::None);
        }
        let error = Tokens::parse("secret-token read oops").unwrap_err().to_string();
        assert!(error.starts_with("line 1: ") && !error.contains("oops"), "{error}");
    }

    #[test]
    fn hashes_are_not_shown() {
        let tokens = Tokens::parse(&line("a", "x")).unwrap();
        assert_eq!(format!("{tokens:?}"), r#"{"a": Read}"#);
    }
}
