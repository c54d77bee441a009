//! Files that are put into the application's containers: what is there, setting one, deleting one. Replacing is setting
//! the same path.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::address::known;
use crate::pages::region::{Answer, region};
use crate::pages::success::successes;
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, Checkbox, Code, Column, FormActions, FormBody, Kind, RelativeTime, Table, TextArea, TextField,
};
use contract::Page;
use contract::applications::Application;
use contract::ids::ApplicationId;
use contract::permissions::Permission;
use contract::running::{ApplicationFile, ListFiles};
use leptos::prelude::*;

/// What the card reads and may do.
#[derive(Clone, Copy)]
pub(super) struct Files {
    found: Answer<Page<ApplicationFile>>,
    set: Command<api::application_files::SetCall>,
    delete: Command<api::application_files::DeleteCall>,
}

impl Files {
    pub fn new(id: Memo<Option<ApplicationId>>) -> Self {
        let (set, delete) = (Command::new(), Command::new());
        let (done, deleted) = (successes(set), successes(delete));
        let found = Resource::new(
            move || (id.get(), done.get(), deleted.get()),
            |(id, ..)| async move { api::application_files::list(ListFiles { application_id: known(id)? }).await },
        );
        Self { found, set, delete }
    }
}

pub(super) fn files_card(application: &Application, files: Files) -> AnyView {
    let id = application.id;
    let list = region(files.found, "The files could not be read", move |page| list(&page.items, files.delete));
    let form = may(Permission::VariablesManage).then(|| form(id, files.set));
    view! {
        <Card title="Files" note="Each is in the containers before they start. Changes take effect with the next deployment." flush=true>
            {list}
            {form}
        </Card>
    }
    .into_any()
}

fn list(files: &[ApplicationFile], delete: Command<api::application_files::DeleteCall>) -> AnyView {
    if files.is_empty() {
        return ().into_any();
    }
    let columns =
        vec![Column::new("Path"), Column::new("Size"), Column::new("Changed").right().hide(), Column::actions()];
    let manages = may(Permission::VariablesManage);
    let rows = files.iter().cloned().map(|file| row(file, manages.then_some(delete))).collect_view();
    view! { <Table label="Files" columns=columns>{rows}</Table> }.into_any()
}

fn row(file: ApplicationFile, delete: Option<Command<api::application_files::DeleteCall>>) -> AnyView {
    let size = match file.secret {
        true => format!("{} bytes, secret", file.bytes),
        false => format!("{} bytes", file.bytes),
    };
    let (id, label) = (file.id.to_string(), format!("Delete {}", file.path));
    let actions = delete.map(|delete| {
        view! {
            <OperationForm action=delete>
                <input type="hidden" name="id" value=id />
                <Button small=true kind=Kind::Danger label=label busy=delete.pending()>"Delete"</Button>
            </OperationForm>
        }
    });
    view! {
        <tr>
            <Cell><Code text=file.path /></Cell>
            <Cell>{size}</Cell>
            <Cell right=true hide=true><RelativeTime at=file.updated_at /></Cell>
            <Cell right=true>{actions}</Cell>
        </tr>
    }
    .into_any()
}

fn form(id: ApplicationId, set: Command<api::application_files::SetCall>) -> AnyView {
    view! {
        <div class=style::card::BODY>
            <OperationForm action=set refused="The file was not saved">
                <FormBody>
                    <input type="hidden" name="application_id" value=id.to_string() />
                    <TextField
                        name="path"
                        label="Path in the container"
                        placeholder="/etc/app/config.toml"
                        hint="A file that is there already is replaced."
                        required=true
                        mono=true
                        error=field_error(set, "path")
                    />
                    <TextArea
                        name="content"
                        label="Content"
                        rows=6
                        mono=true
                        error=field_error(set, "content")
                    />
                    <Checkbox name="secret" label="Secret" hint="Never shown again, masked in logs." />
                    <FormActions>
                        <Button busy=set.pending()>"Save file"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </div>
    }
    .into_any()
}
