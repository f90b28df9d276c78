//! The parameters of a request: those of its URL, or those of a form.

use hyper::Uri;

/// Names and values, decoded, in their order.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        Self::of_form(uri.query().unwrap_or_default().as_bytes())
    }

    /// Reads a form as a browser sends it. What is not UTF-8 is replaced.
    pub(super) fn of_form(form: &[u8]) -> Self {
        Self(form_urlencoded::parse(form).into_owned().collect())
    }

    /// The value of a parameter, without surrounding spaces; `None` if it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let values = self.0.iter().filter(|(given, _)| given == name);
        values.map(|(_, value)| value.trim()).find(|value| !value.is_empty())
    }

    /// The value of a parameter, if it is a number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// The parameters without those of a name, as text for a URL.
    pub(super) fn without(&self, name: &str) -> String {
        let rest = self.0.iter().filter(|(given, _)| given != name);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish()
    }

    /// Every value of a parameter.
    pub(super) fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// Writes parameters for a URL. Those without a value are left out.
pub(super) fn query_text(parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
}
