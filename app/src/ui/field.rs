//! One labelled control per component. Label, hint and error are tied to the control, the browser's own checks are on, and
//! everything arrives as an ordinary form field: `name` is the argument's name of the server function.

use leptos::prelude::*;

use super::button::IconButton;
use super::icon::{Glyph, Icon};

/// Where the error summary links to and where the hint and error hang: the id, or one made of the name.
fn id_of(id: Option<String>, name: &str) -> String {
    id.unwrap_or_else(|| {
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("field-{}", name.trim_matches('-'))
    })
}

/// The ids of the hint and the error, as far as they are there.
fn described_by(
    id: &str,
    hint: bool,
    error: MaybeProp<String>,
) -> impl Fn() -> Option<String> + Clone + Send + 'static {
    let id = id.to_owned();
    move || match (error.get().is_some(), hint) {
        (true, true) => Some(format!("{id}-error {id}-hint")),
        (true, false) => Some(format!("{id}-error")),
        (false, true) => Some(format!("{id}-hint")),
        (false, false) => None,
    }
}

fn invalid(error: MaybeProp<String>) -> impl Fn() -> Option<&'static str> + Clone + Send + 'static {
    move || error.get().map(|_| "true")
}

/// Label above, hint and error below.
#[component]
fn Labelled(
    id: String,
    label: String,
    hint: Option<String>,
    error: MaybeProp<String>,
    optional: bool,
    wide: bool,
    children: Children,
) -> impl IntoView {
    let hint = hint.map(|hint| view! { <span class=style::field::HINT id=format!("{id}-hint")>{hint}</span> });
    view! {
        <div class=style::field::ROOT data-wide=wide>
            <label class=style::field::LABEL for=id.clone()>
                {label}
                {optional.then(|| view! { <span class=style::field::OPTIONAL>" (optional)"</span> })}
            </label>
            {children()}
            <ErrorText id=id error=error />
            {hint}
        </div>
    }
}

#[component]
fn ErrorText(id: String, error: MaybeProp<String>) -> impl IntoView {
    move || {
        error.get().map(|error| {
            view! {
                <span class=style::field::ERROR id=format!("{id}-error")>
                    <Icon glyph=Glyph::Warning />
                    {error}
                </span>
            }
        })
    }
}

/// One line of text; `type_` for the browser's other kinds (`email`, `url`, `search`, `number`, `datetime-local`).
#[component]
pub fn TextField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] type_: Option<String>,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(optional, into)] autocomplete: Option<String>,
    #[prop(optional, into)] pattern: Option<String>,
    /// The id of a `datalist` to choose from.
    #[prop(optional, into)]
    list: Option<String>,
    #[prop(optional)] min: Option<i64>,
    #[prop(optional)] max: Option<i64>,
    #[prop(optional)] maxlength: Option<u32>,
    #[prop(optional)] required: bool,
    /// Says "(optional)" beside the label.
    #[prop(optional)]
    optional: bool,
    #[prop(optional)] readonly: bool,
    #[prop(optional)] disabled: bool,
    #[prop(optional)] autofocus: bool,
    #[prop(optional)] mono: bool,
    #[prop(optional)] wide: bool,
    #[prop(optional)] on_input: Option<Callback<String>>,
) -> impl IntoView {
    let id = id_of(id, &name);
    let described = described_by(&id, hint.is_some(), error);
    view! {
        <Labelled id=id.clone() label=label hint=hint error=error optional=optional wide=wide>
            <input
                class=style::field::CONTROL
                id=id
                name=name
                type=type_.unwrap_or_else(|| "text".to_owned())
                value=value
                placeholder=placeholder
                autocomplete=autocomplete
                pattern=pattern
                list=list
                min=min
                max=max
                maxlength=maxlength
                required=required
                readonly=readonly
                disabled=disabled
                autofocus=autofocus
                data-mono=mono
                spellcheck=mono.then_some("false")
                autocapitalize=mono.then_some("off")
                aria-invalid=invalid(error)
                aria-describedby=described
                on:input=move |event| {
                    if let Some(on_input) = on_input {
                        on_input.run(event_target_value(&event));
                    }
                }
            />
        </Labelled>
    }
}

/// A whole number.
#[component]
pub fn NumberField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(optional)] value: Option<i64>,
    #[prop(optional)] min: Option<i64>,
    #[prop(optional)] max: Option<i64>,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional)] required: bool,
    #[prop(optional)] optional: bool,
) -> impl IntoView {
    let id = id_of(id, &name);
    let described = described_by(&id, hint.is_some(), error);
    view! {
        <Labelled id=id.clone() label=label hint=hint error=error optional=optional wide=false>
            <input
                class=style::field::CONTROL
                id=id
                name=name
                type="number"
                inputmode="numeric"
                value=value.map(|value| value.to_string())
                min=min
                max=max
                required=required
                aria-invalid=invalid(error)
                aria-describedby=described
            />
        </Labelled>
    }
}

/// A secret being typed; it can be looked at while the program runs. `autocomplete` is `current-password`,
/// `new-password` or `off`.
#[component]
pub fn PasswordField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into)] autocomplete: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(optional)] minlength: Option<u32>,
    #[prop(optional)] required: bool,
    #[prop(optional)] wide: bool,
) -> impl IntoView {
    let id = id_of(id, &name);
    let described = described_by(&id, hint.is_some(), error);
    let (seen, set_seen) = signal(false);
    view! {
        <Labelled id=id.clone() label=label hint=hint error=error optional=false wide=wide>
            <span class=style::field::WITH_BUTTON>
                <input
                    class=style::field::CONTROL
                    id=id
                    name=name
                    type=move || if seen.get() { "text" } else { "password" }
                    autocomplete=autocomplete
                    placeholder=placeholder
                    minlength=minlength
                    required=required
                    spellcheck="false"
                    autocapitalize="off"
                    aria-invalid=invalid(error)
                    aria-describedby=described
                />
                <IconButton
                    glyph=Glyph::Eye
                    label="Show what is typed"
                    pressed=Signal::from(seen)
                    on_click=Callback::new(move |_| set_seen.update(|seen| *seen = !*seen))
                />
            </span>
        </Labelled>
    }
}

/// Several lines.
#[component]
pub fn TextArea(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(default = 4)] rows: u32,
    #[prop(optional)] required: bool,
    #[prop(optional)] optional: bool,
    #[prop(optional)] mono: bool,
    #[prop(optional)] wide: bool,
) -> impl IntoView {
    let id = id_of(id, &name);
    let described = described_by(&id, hint.is_some(), error);
    // A browser that reads the page drops the first line end of a text area.
    #[cfg(feature = "ssr")]
    let value = if value.starts_with('\n') { format!("\n{value}") } else { value };
    view! {
        <Labelled id=id.clone() label=label hint=hint error=error optional=optional wide=wide>
            <textarea
                class=format!("{} area", style::field::CONTROL)
                id=id
                name=name
                rows=rows
                placeholder=placeholder
                required=required
                data-mono=mono
                spellcheck=mono.then_some("false")
                aria-invalid=invalid(error)
                aria-describedby=described
            >
                {value}
            </textarea>
        </Labelled>
    }
}

/// One of a list. `options` are value and words.
#[component]
pub fn SelectField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    options: Vec<(String, String)>,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional)] required: bool,
    #[prop(optional)] optional: bool,
    #[prop(optional)] on_change: Option<Callback<String>>,
) -> impl IntoView {
    let id = id_of(id, &name);
    let described = described_by(&id, hint.is_some(), error);
    let options = options
        .into_iter()
        .map(|(key, words)| {
            let selected = key == value;
            view! { <option value=key selected=selected>{words}</option> }
        })
        .collect_view();
    view! {
        <Labelled id=id.clone() label=label hint=hint error=error optional=optional wide=false>
            <span class=style::field::SELECT>
                <select
                    class=format!("{} choice", style::field::CONTROL)
                    id=id
                    name=name
                    required=required
                    aria-invalid=invalid(error)
                    aria-describedby=described
                    on:change=move |event| {
                        if let Some(on_change) = on_change {
                            on_change.run(event_target_value(&event));
                        }
                    }
                >
                    {options}
                </select>
                <Icon glyph=Glyph::ChevronDown />
            </span>
        </Labelled>
    }
}

/// Yes or no. An unticked box sends nothing: mark the argument `#[server(default)]`.
#[component]
pub fn Checkbox(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(optional)] checked: bool,
    #[prop(optional, into)] value: Option<String>,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional)] required: bool,
) -> impl IntoView {
    let id = id_of(id, &name);
    let described = described_by(&id, hint.is_some(), error);
    let hint = hint.map(|hint| view! { <span class=style::field::HINT id=format!("{id}-hint")>{hint}</span> });
    view! {
        <label class=style::field::TICK>
            <input
                id=id.clone()
                type="checkbox"
                name=name
                value=value.unwrap_or_else(|| "true".to_owned())
                checked=checked
                required=required
                aria-invalid=invalid(error)
                aria-describedby=described
            />
            <span>{label}</span>
            {hint}
            <ErrorText id=id error=error />
        </label>
    }
}

/// One choice of a `RadioField`.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub hint: Option<String>,
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), hint: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A few choices that deserve a sentence each.
#[component]
pub fn RadioField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    choices: Vec<Choice>,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional)] on_change: Option<Callback<String>>,
) -> impl IntoView {
    let id = id_of(None, &name);
    let described = described_by(&id, false, error);
    let options = choices
        .into_iter()
        .map(|choice| {
            let name = name.clone();
            let checked = choice.value == value;
            view! {
                <label class=style::field::OPTION>
                    <input
                        type="radio"
                        name=name
                        value=choice.value
                        checked=checked
                        on:change=move |event| {
                            if let Some(on_change) = on_change {
                                on_change.run(event_target_value(&event));
                            }
                        }
                    />
                    <span>{choice.label}</span>
                    {choice.hint.map(|hint| view! { <span class=style::field::HINT>{hint}</span> })}
                </label>
            }
        })
        .collect_view();
    let error_text = view! { <ErrorText id=id.clone() error=error /> };
    view! {
        <fieldset class=style::field::ROOT id=id tabindex="-1" aria-describedby=described>
            <legend class=style::field::LABEL>{label}</legend>
            <div class=style::field::OPTIONS>{options}</div>
            {error_text}
        </fieldset>
    }
}
