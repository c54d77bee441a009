//! An operation's input as it arrived, and what is wrong with it told at its fields, in words without this program's types.

use contract::FieldError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An input as it arrived.
pub enum Body {
    Json(Vec<u8>),
    /// A form's body or a query string.
    Form(String),
}

pub fn parse<T: Serialize + DeserializeOwned>(body: Body) -> Result<T, services::Error> {
    match body {
        Body::Json(bytes) if holds_nul(&bytes) => Err(no_nul()),
        Body::Json(bytes) => {
            // No body is the empty object, so operations without input can be called with nothing.
            let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}".to_vec() } else { bytes };
            let given: Value = serde_json::from_slice(&bytes).map_err(|error| malformed(&error.to_string()))?;
            if !given.is_object() {
                return Err(malformed("it is not an object"));
            }
            let input: T = serde_path_to_error::deserialize(&given).map_err(|error| {
                let path = error.path().to_string();
                wrong(if path == "." { None } else { Some(path) }, &error.inner().to_string())
            })?;
            let understood = serde_json::to_value(&input).map_err(services::Error::internal)?;
            let mut faults = Vec::new();
            unknown(&given, &understood, "", &mut faults);
            if faults.is_empty() { Ok(input) } else { Err(services::Error::Invalid(faults)) }
        }
        Body::Form(text) if text.contains("%00") || text.contains('\0') => Err(no_nul()),
        Body::Form(text) => {
            // Browsers end the lines of a text field so; what was typed has plain ones.
            let text = text.replace("%0D%0A", "%0A");
            serde_qs::Config::new(5, false).deserialize_str(&text).map_err(|error| wrong(None, &error.to_string()))
        }
    }
}

fn malformed(why: &str) -> services::Error {
    services::Error::Malformed(format!("The body is not a JSON object: {}.", plain(why)))
}

fn no_nul() -> services::Error {
    services::Error::field("input", "Remove the NUL character: no text may hold one.")
}

/// A fault at `path`, or at the field that the parser's message names, or of the whole input.
fn wrong(path: Option<String>, message: &str) -> services::Error {
    let named = message.split('`').nth(1).filter(|_| message.contains("missing field"));
    let field = match (path, named) {
        (Some(path), Some(name)) => format!("{path}.{name}"),
        (Some(path), None) => path,
        (None, name) => name.unwrap_or("input").to_owned(),
    };
    let message = if named.is_some() { "This field is required.".to_owned() } else { plain(message) };
    services::Error::field(field, message)
}

/// A misspelt `secret` is no secret: a field that is not there when the input is written again, and is nearly called like
/// one that is, was meant to be that one. Others that nobody knows are let be: they may be a newer version's.
fn unknown(given: &Value, understood: &Value, path: &str, faults: &mut Vec<FieldError>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => {
            for (name, value) in given {
                match understood.get(name) {
                    Some(found) => unknown(value, found, &below(name), faults),
                    None => {
                        let meant = understood.keys().find(|known| !given.contains_key(*known) && is_slip(name, known));
                        let message = meant.map(|known| format!("There is no such field. Is {known} meant?"));
                        faults.extend(message.map(|message| FieldError { field: below(name), message }));
                    }
                }
            }
        }
        (Value::Array(given), Value::Array(understood)) => {
            for (index, (value, found)) in given.iter().zip(understood).enumerate() {
                unknown(value, found, &below(&index.to_string()), faults);
            }
        }
        (Value::Array(_), Value::Object(_)) => {
            faults.push(FieldError { field: path.to_owned(), message: "Send an object with named fields.".into() });
        }
        _ => {}
    }
}

fn is_slip(name: &str, known: &str) -> bool {
    strsim::damerau_levenshtein(name, known) <= if known.len() > 7 { 2 } else { 1 }
}

/// Whether a JSON text escapes a NUL. Neither PostgreSQL nor a process takes one, so it is refused for all fields here.
fn holds_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with(b"u0000") {
            return true;
        }
        // The escaped character may itself be a backslash.
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}

/// A parser's message without its position and without this program's own types.
fn plain(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    let Some((before, expected)) = message.split_once("expected ") else { return message.to_owned() };
    let wanted = match expected.split(' ').next().unwrap_or_default() {
        "struct" | "map" | "internally" | "adjacently" => "an object",
        "sequence" => "a list",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a" if expected.contains("boolean") => "true or false",
        _ => expected,
    };
    format!("{before}expected {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_nul_is_seen_and_an_escaped_backslash_is_none() {
        assert!(holds_nul(br#"{"a":"x\u0000"}"#));
        assert!(holds_nul(br#"{"a":"\\\u0000"}"#));
        assert!(!holds_nul(br#"{"a":"\\u0000"}"#));
        assert!(!holds_nul(br#"{"a":"\n"}"#));
    }

    fn faults<T: Serialize + DeserializeOwned>(json: &str) -> Vec<String> {
        match parse::<T>(Body::Json(json.as_bytes().to_vec())).map(drop) {
            Ok(()) => Vec::new(),
            Err(services::Error::Invalid(faults)) => {
                faults.into_iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect()
            }
            Err(error) => vec![error.to_string()],
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_is_told_at_its_field() {
        use contract::applications::CreateApplication;
        use contract::projects::CreateProject;
        use contract::variables::SetVariable;

        assert!(faults::<CreateProject>(r#"{"name":"Shop","description":null}"#).is_empty());
        let slip = faults::<CreateProject>(r#"{"name":"Shop","descripton":"x"}"#);
        assert_eq!(slip, ["descripton: There is no such field. Is description meant?"]);
        assert!(faults::<CreateProject>(r#"{"name":"Shop","colour":"red"}"#).is_empty());
        assert!(faults::<CreateProject>(r#"["Shop","desc"]"#)[0].contains("not an object"));
        assert!(faults::<CreateProject>("{").len() == 1);
        assert_eq!(faults::<CreateProject>("{}"), ["name: This field is required."]);
        assert_eq!(faults::<CreateProject>(r#"{"name":5}"#), ["name: invalid type: integer `5`, expected a string"]);
        let id = "0192f5a0-0000-7000-8000-000000000000";
        let set = format!(r#"{{"application_id":"{id}","key":"A","value":"b","secert":true}}"#);
        assert_eq!(faults::<SetVariable>(&set), ["secert: There is no such field. Is secret meant?"]);
        let create = |source: &str| {
            format!(
                r#"{{"environment_id":"{id}","server_id":"{id}","name":"a","build":{{"kind":"none"}},"port":80,"source":{source}}}"#
            )
        };
        assert!(faults::<CreateApplication>(&create(r#"{"kind":"image","reference":"a"}"#)).is_empty());
        let list = faults::<CreateApplication>(&create(r#"["image","a"]"#));
        assert_eq!(list, ["source: Send an object with named fields."]);
    }

    #[test]
    fn lines_of_a_form_end_as_they_were_typed() {
        let form = "application_id=0192f5a0-0000-7000-8000-000000000000&key=A&value=one%0D%0Atwo&next=%2F";
        let input: contract::variables::SetVariable = parse(Body::Form(form.into())).unwrap();
        assert_eq!(input.value, "one\ntwo");
    }
}
