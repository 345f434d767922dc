//! Query parameters, parsed as Spark's server does: unknown ones are ignored, the first of repeated ones wins, and an
//! invalid value is a 404 whose body is only the path.

use axum::http::Uri;

use super::answer::Refusal;
use super::date;

/// The query of a request.
#[derive(Debug)]
pub(super) struct Query<'u> {
    uri: &'u Uri,
    pairs: Vec<(String, String)>,
}

impl<'u> Query<'u> {
    pub(super) fn of(uri: &'u Uri) -> Self {
        let pairs = axum::extract::Query::try_from_uri(uri);
        Self { uri, pairs: pairs.map(|pairs| pairs.0).unwrap_or_default() }
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.pairs.iter().filter(move |pair| pair.0 == name);
        named.map(|(_, value)| value.as_str())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// The known words in a parameter, in upper case; none if it is absent. An empty value is a word that matches
    /// nothing.
    pub(super) fn words(
        &self,
        name: &str,
        known: &[&'static str],
    ) -> Result<Vec<&'static str>, Refusal> {
        let known = |value: &str| known.iter().find(|word| word.eq_ignore_ascii_case(value));
        let word = |value: &str| if value.is_empty() { Some("") } else { known(value).copied() };
        self.values(name).map(|value| word(value).ok_or_else(|| self.refusal())).collect()
    }

    /// An integer; an empty value counts as absent.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i32>, Refusal> {
        let value = self.first(name).filter(|value| !value.trim().is_empty());
        value.map(|value| value.parse().map_err(|_| self.refusal())).transpose()
    }

    /// A flag: an empty value is the default, and any value other than `true` is false.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        let value = self.first(name).filter(|value| !value.trim().is_empty());
        value.map_or(default, |value| value.eq_ignore_ascii_case("true"))
    }

    /// A date, in milliseconds since the epoch; an empty value is the default.
    pub(super) fn date(&self, name: &str, default: i64) -> Result<i64, Refusal> {
        let value = self.first(name).filter(|value| !value.is_empty());
        value.map_or(Ok(default), |value| {
            let error = || Refusal::bad_request(format!("Couldn't parse date: {value}"));
            date::millis(value).ok_or_else(error)
        })
    }

    /// Validates `quantiles`, on which no response depends.
    pub(super) fn check_quantiles(&self) -> Result<(), Refusal> {
        const NAME: &str = "quantiles";
        let Some(value) = self.first(NAME) else { return Ok(()) };
        let given = value.trim_end_matches(',');
        // Java splits a text of commas into no parts.
        if given.is_empty() && !value.is_empty() {
            return Ok(());
        }
        let wrong = given.split(',').find(|number| number.trim().parse::<f64>().is_err());
        wrong.map_or(Ok(()), |wrong| Err(Refusal::bad_parameter(NAME, "double", wrong)))
    }

    fn refusal(&self) -> Refusal {
        Refusal::nothing_at(self.uri)
    }
}
