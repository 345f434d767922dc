//! Which parts of a log's texts are secrets.
//!
//! A property is hidden if its name or its value matches `spark.redaction.regex`, as in Spark, or if its name is a further
//! one of secrets. In any other text the values are hidden that are assigned to such a name (`password=…`, `--token …`), and
//! the parts that match `spark.redaction.string.regex`, and everywhere the passwords of URLs. Spark's default always holds, and the patterns of the log in
//! addition to it.

mod assignment;
mod pattern;
mod url;
mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use pattern::Pattern;

/// What Spark puts in the place of a secret.
pub(crate) const HIDDEN: &str = "*********(redacted)";

/// Maximum number of patterns that a log may name.
const MAX_PATTERNS: usize = 8;

/// What secrets look like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction(Arc<Patterns>);

/// The patterns of a log.
#[derive(Clone, Debug, Default)]
struct Patterns {
    /// As the log has them, and for which properties.
    known: Vec<(&'static str, String)>,
    /// Of names, and of values of properties.
    names: Vec<Pattern>,
    /// Of names in plans.
    options: Vec<Pattern>,
    /// Of parts of texts.
    parts: Vec<Pattern>,
}

/// The properties that have patterns.
const PROPERTIES: [&str; 4] = [
    "spark.redaction.regex",
    "spark.redaction.string.regex",
    "spark.sql.redaction.options.regex",
    "spark.sql.redaction.string.regex",
];

impl Redaction {
    /// Adds the patterns that Spark's properties name; those that held before still do. Returns whether there are
    /// new ones, and says of each that cannot be used why.
    pub(crate) fn learn(
        &mut self,
        properties: &BTreeMap<String, String>,
        mut warn: impl FnMut(String),
    ) -> bool {
        let mut is_new = false;
        for name in PROPERTIES {
            let Some(text) = properties.get(name) else { continue };
            // Spark hides a pattern that matches itself.
            let is_known = |(property, known): &(&str, String)| *property == name && known == text;
            if text.is_empty() || text == HIDDEN || self.0.known.iter().any(is_known) {
                continue;
            }
            if self.0.known.len() == MAX_PATTERNS {
                warn(format!("{name} changes too often; its new pattern is not used"));
                continue;
            }
            let patterns = Arc::make_mut(&mut self.0);
            patterns.known.push((name, text.clone()));
            match Pattern::new(text) {
                Ok(pattern) => {
                    is_new = true;
                    match name {
                        "spark.redaction.regex" => patterns.names.push(pattern),
                        "spark.sql.redaction.options.regex" => patterns.options.push(pattern),
                        _ => patterns.parts.push(pattern),
                    }
                }
                Err(reason) => warn(format!(
                    "the pattern in {name} is not used, only Spark's default is: {reason}"
                )),
            }
        }
        is_new
    }

    /// The name and value of a property, or what to show instead of them.
    pub(crate) fn property<'a>(
        &self,
        name: &'a str,
        value: &'a str,
    ) -> (Cow<'a, str>, Cow<'a, str>) {
        if self.is_secret(name) {
            return (self.text(name), Cow::Borrowed(HIDDEN));
        }
        let name = self.without_parts(name);
        match self.is_secret(value) {
            true if self.is_found(value) => (name, Cow::Borrowed(HIDDEN)),
            true => (name, self.text(value)),
            false => (name, self.without_parts(value)),
        }
    }

    /// Any other text, without its secrets.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.without(text, |text| self.is_secret(text))
    }

    /// The physical plan of a query, without its secrets.
    pub(crate) fn plan<'a>(&self, plan: &'a str) -> Cow<'a, str> {
        self.without(plan, |text| self.is_secret(text) || self.is_secret_option(text))
    }

    fn without<'a>(&self, text: &'a str, is_secret: impl Fn(&str) -> bool) -> Cow<'a, str> {
        match self.without_parts(text) {
            Cow::Borrowed(text) if is_secret(text) => assignment::hidden(text, is_secret),
            Cow::Owned(text) if is_secret(&text) => {
                Cow::Owned(assignment::hidden(&text, is_secret).into_owned())
            }
            text => text,
        }
    }

    fn without_parts<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = url::without_passwords(text);
        for pattern in &self.0.parts {
            if !pattern.is_in(&text) {
                continue;
            }
            let Some(parts) = pattern.parts(&text) else { return Cow::Borrowed(HIDDEN) };
            let (mut kept, mut end) = (String::with_capacity(text.len()), 0);
            for part in parts {
                // Neighbours may share a character.
                kept.push_str(text.get(end..part.start).unwrap_or_default());
                kept.push_str(HIDDEN);
                end = part.end;
            }
            kept.push_str(&text[end..]);
            text = Cow::Owned(kept);
        }
        text
    }

    /// Whether a name is that of a secret, or a text has such a name.
    pub(crate) fn is_secret(&self, text: &str) -> bool {
        words::names_secret(text) || self.0.names.iter().any(|pattern| pattern.is_in(text))
    }

    /// Whether a pattern of `spark.redaction.regex` is found in a value, which Spark hides then.
    fn is_found(&self, value: &str) -> bool {
        words::speaks_of_secret(value) || self.0.names.iter().any(|pattern| pattern.is_in(value))
    }

    fn is_secret_option(&self, text: &str) -> bool {
        words::speaks_of_url(text) || self.0.options.iter().any(|pattern| pattern.is_in(text))
    }
}
