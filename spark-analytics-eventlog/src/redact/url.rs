//! Passwords in URLs: `jdbc:mysql://user:password@host/db`.

use std::borrow::Cow;

use super::HIDDEN;

/// The text without the passwords of its URLs.
pub(super) fn without_passwords(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'@', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let (mut kept, mut end) = (String::new(), 0);
    for (at, mark) in text.match_indices("://") {
        let start = at + mark.len();
        let ends =
            |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>');
        let authority = text[start..].split(ends).next().unwrap_or_default();
        let Some((info, _)) = authority.rsplit_once('@') else { continue };
        let Some((user, password)) = info.split_once(':') else { continue };
        if password.is_empty() || password == HIDDEN {
            continue;
        }
        kept.push_str(&text[end..start + user.len() + 1]);
        kept.push_str(HIDDEN);
        end = start + info.len();
    }
    if end == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[end..]);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_of_a_url_is_hidden() {
        for (text, want) in [
            ("jdbc:mysql://ada:hunter2@host:3306/db", "jdbc:mysql://ada:[]@host:3306/db"),
            ("a https://ada:hun@ter2@h b://x:y@z", "a https://ada:[]@h b://x:[]@z"),
            ("'s3://:hunter2@bucket/key'", "'s3://:[]@bucket/key'"),
            ("é://é:é@é", "é://é:[]@é"),
        ] {
            let hidden = without_passwords(text);
            assert_eq!(hidden, want.replace("[]", HIDDEN), "{text}");
            assert_eq!(without_passwords(&hidden), hidden);
        }
        for text in [
            "ada@example.com",
            "https://ada@host/a:b@c",
            "spark://host:7077 ada@example.com",
            "https://host/?q=a:b@c",
            "https://ada:@host",
            "://",
            "@",
        ] {
            assert_eq!(without_passwords(text), text);
        }
    }
}
