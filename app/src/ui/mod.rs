//! The component kit. Everything takes plain values; nothing here knows what a project or a server is.
//!
//! Conventions: text props are `into` (a `&str` or `String` does); `error` and `request_id` take text, an `Option` or a
//! signal; props that hold a view (`state`, `actions`, `tools`, `foot`, `action`) take a `view! {..}`, a text or a closure (see `Part`);
//! forms and links work without the program, and what cannot is unseen until it runs. Class names come from `style::`.
//!
//! ```ignore
//! view! {
//!     <Page
//!         title="storefront-api"
//!         crumbs=vec![Crumb::new("Shop", "/projects/1")]
//!         state=view! { <Pill tone=Tone::Ok text="Healthy" /> }
//!         actions=view! { <LinkButton href="/deploy" kind=Kind::Primary>"Deploy"</LinkButton> }
//!         tabs=vec![Tab::new("Overview", "/a"), Tab::new("Deployments", "/a/deployments").count(6)]
//!         tab="/a"
//!     >
//!         <Card title="Deployments" count="6 of 148" flush=true>
//!             <FilterBar action="/a/deployments" placeholder="Commit, author, state" />
//!             <Table label="Deployments" columns=vec![Column::new("State"), Column::new("When").right().hide()]>
//!                 <tr>
//!                     <Cell><RowLink href="/d/1">"Live"</RowLink></Cell>
//!                     <Cell right=true hide=true><RelativeTime at=created_at /></Cell>
//!                 </tr>
//!             </Table>
//!             <Pager shown="50 deployments" next=next_href />
//!         </Card>
//!     </Page>
//! }
//! ```
//!
//! | component | props (`?` optional, `*` reactive) |
//! |---|---|
//! | `Page` | title, crumbs?: Vec<Crumb>, state?, actions?, tabs?: Vec<Tab>, tab?, width?: Width, children. Sets `<Title>` and the `h1` |
//! | `PageHeader` | title, crumbs?, state?: Option, actions?: Option |
//! | `Lead` | title, children? : headline with a line of context |
//! | `TwoColumns`, `ThreeColumns`, `Stack` | children |
//! | `Tabs` | items: Vec<Tab>, current (an href), label |
//! | `Card` | title?, count?, note?, tools?, foot?, flush?: bool (tables, lists), danger?: bool, id?, children |
//! | `Button` | kind?: Kind (Plain, Primary, Danger, Destroy, Ghost), icon?: Glyph, on_click?: Callback (else it submits), name?, value?, form?, disabled?*, busy?*, small?, wide?, label?, children |
//! | `LinkButton` | href, kind?, icon?, small?, wide?, external?, download?, label?, children |
//! | `IconButton`, `IconLink` | glyph, label, on_click? / href; pressed?* |
//! | `ButtonRow` | children |
//! | `TextField` | name, label, value?, hint?, error?*, id?, type_?, placeholder?, autocomplete?, pattern?, min?, max?, maxlength?, required?, optional?, readonly?, disabled?, autofocus?, mono?, wide?, on_input? |
//! | `NumberField` | name, label, value?: i64, min?, max?, hint?, error?*, id?, required?, optional? |
//! | `PasswordField` | name, label, autocomplete, hint?, error?*, id?, placeholder?, minlength?, required?, wide? |
//! | `TextArea` | name, label, value?, rows?, hint?, error?*, id?, placeholder?, required?, optional?, mono?, wide? |
//! | `SelectField` | name, label, options: Vec<(value, words)>, value?, hint?, error?*, id?, required?, optional?, on_change? |
//! | `Checkbox` | name, label, checked?, value?, hint?, error?*, id?, required? |
//! | `RadioField` | name, label, choices: Vec<Choice>, value?, error?*, on_change? |
//! | `FormBody`, `FormPair`, `FormActions` | children; the layout inside `<form>` / `<OperationForm>` |
//! | `FormSummary` | title, errors?: Vec<(field, words)>, request_id?* |
//! | `Pill` | tone?: Tone (Ok, Warn, Bad, Busy, Neutral), text |
//! | `Table` | label, columns: Vec<Column>, density?: Density, children (rows). `Column::new(..).right().hide().sort(href, now)`, `Column::actions()` |
//! | `Cell` | right?, dim?, mono?, long?, hide?, children |
//! | `RowLink`, `RowActions` | href / children: the link that covers its row, and what lies above it |
//! | `FilterBar` | action, placeholder, query?, name?, filters?: Vec<Filter>, keep?: Vec<(name, value)>, children? (selects) |
//! | `Pager` | shown, first?: Option<String>, next?: Option<String> |
//! | `List`, `Item` | Item: title, href?, detail?, at?: Option, state?, children? (buttons) |
//! | `Facts`, `Fact` / `FactRows`, `FactRow` | label, children: strip across a card (flush) / rows |
//! | `Empty` | glyph, title, text, children? (the one action), guide?: (words, href) |
//! | `Skeleton` | rows?, columns? |
//! | `Notice` | tone?, title?, action?, children? |
//! | `Failure` | title, detail?*, request_id?*, retry?: Callback<()>, retry_href? |
//! | `Dialog`, `DialogLink` | id, title, children / href (page that asks the same), dialog (id), kind?, icon?, small? |
//! | `DangerConfirm` | name, goes: Vec<String>, stays?, verb, cancel?, field?, error?*, busy?* ; inside the form |
//! | `CopyButton`, `Code`, `CodeBlock`, `SecretOnce` | text / text, wrap? / label, value |
//! | `RelativeTime` | at: DateTime<Utc> |
//! | `Elapsed` | from, ended?: Option; `time::{exact, short, relative, duration, bytes}` format |
//! | `Steps` | items*: Vec<Step>, label?. `Step::new(title, StepState).detail(..).failure(reason, fix).took(ms)` |
//! | `LogView` | lines*: LogRing, title?, id?, download?, empty?, tall? |
//! | `Sparkline`, `Bars` | points/values, summary, tone?, value?, axis?, max?, small? |
//! | `SavePill` | busy?*, saved?* (the action's version), verb?; inside the form |
//! | `use_toast()` | `toast.run("Key revoked".into())`; the shell provides it |
//! | `Avatar`, `Icon` | name / glyph: Glyph |

pub mod avatar;
pub mod browser;
pub mod button;
pub mod card;
pub mod chart;
pub mod code;
pub mod dialog;
pub mod empty;
pub mod facts;
pub mod field;
pub mod form;
pub mod icon;
pub mod list;
pub mod log;
pub mod log_lines;
pub mod markup;
pub mod notice;
pub mod page;
pub mod part;
pub mod pill;
pub mod save;
pub mod skeleton;
pub mod steps;
pub mod table;
pub mod tabs;
pub mod time;
pub mod toast;
pub mod tone;

pub use avatar::Avatar;
pub use button::{Button, ButtonRow, IconButton, IconLink, Kind, LinkButton};
pub use card::Card;
pub use chart::{Bars, Sparkline};
pub use code::{Code, CodeBlock, CopyButton, SecretOnce};
pub use dialog::{DangerConfirm, Dialog, DialogLink};
pub use empty::Empty;
pub use facts::{Fact, FactRow, FactRows, Facts};
pub use field::{Checkbox, Choice, NumberField, PasswordField, RadioField, SelectField, TextArea, TextField};
pub use form::{FormActions, FormBody, FormPair, FormSummary};
pub use icon::{Glyph, Icon};
pub use list::{Item, List};
pub use log::LogView;
pub use log_lines::{LogLine, LogRing};
pub use markup::Markup;
pub use notice::{Failure, Notice};
pub use page::{Crumb, Lead, Page, PageHeader, Stack, ThreeColumns, TwoColumns, Width};
pub use part::Part;
pub use pill::Pill;
pub use save::SavePill;
pub use skeleton::Skeleton;
pub use steps::{Step, StepState, Steps};
pub use table::{Cell, Column, Density, Filter, FilterBar, Order, Pager, RowActions, RowLink, Table};
pub use tabs::{Tab, Tabs};
pub use time::{Elapsed, RelativeTime};
pub use toast::use_toast;
pub use tone::Tone;
