//! The component kit.
pub mod button;
pub mod card;
pub mod empty;
pub mod field;
pub mod form;
pub mod icon;
pub mod notice;
pub mod page;
pub mod pill;
pub mod table;
pub mod tabs;
pub mod tone;

pub use button::{Button, ButtonRow, IconButton, IconLink, Kind, LinkButton};
pub use card::Card;
pub use empty::Empty;
pub use field::{Checkbox, Choice, NumberField, PasswordField, RadioField, SelectField, TextArea, TextField};
pub use form::{FormActions, FormBody, FormPair, FormSummary};
pub use icon::{Glyph, Icon};
pub use notice::{Failure, Notice};
pub use page::{Crumb, Lead, Page, PageHeader, Stack, ThreeColumns, TwoColumns, Width};
pub use pill::Pill;
pub use table::{Cell, Column, Density, Filter, FilterBar, Order, Pager, RowActions, RowLink, Table};
pub use tabs::{Tab, Tabs};
pub use tone::Tone;
