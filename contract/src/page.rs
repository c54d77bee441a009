//! Lists: a page of items and the cursor of the next one.

use macros::wire;

/// The input of operations that need none.
#[wire(Default)]
pub struct Empty {}

/// One page of a list, stable under inserts.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// Page size when the caller names none.
pub const DEFAULT_LIMIT: u32 = 50;
/// The largest page.
pub const MAX_LIMIT: u32 = 200;

impl<T> Page<T> {
    /// A whole list that fits on one page.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}

/// By hand: the derive gives the pages of all types one name, and leaves their items' type out of the document.
#[cfg(feature = "schema")]
mod schema {
    use super::Page;
    use std::borrow::Cow;
    use utoipa::openapi::schema::{Array, Object, ObjectBuilder, Schema, SchemaType, Type};
    use utoipa::openapi::{Ref, RefOr};
    use utoipa::{PartialSchema, ToSchema};

    impl<T: ToSchema> PartialSchema for Page<T> {
        fn schema() -> RefOr<Schema> {
            let nullable_text = Object::with_type(SchemaType::from_iter([Type::String, Type::Null]));
            ObjectBuilder::new()
                .property("items", Array::new(Ref::from_schema_name(T::name())))
                .required("items")
                .property("next_cursor", nullable_text)
                .required("next_cursor")
                .description(Some(
                    "One page of a list. Pass `next_cursor` as `cursor` for the next page; null on the last one.",
                ))
                .into()
        }
    }

    impl<T: ToSchema> ToSchema for Page<T> {
        fn name() -> Cow<'static, str> {
            Cow::Owned(format!("{}Page", T::name()))
        }

        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            T::schemas(schemas);
            schemas.push((T::name().into_owned(), T::schema()));
        }
    }
}
