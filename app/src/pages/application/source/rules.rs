//! What of what is pushed is deployed by itself.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::success::successes;
use crate::session::may;
use crate::ui::{Card, Checkbox, FactRow, FactRows, FormBody, FormPair, SavePill, TextArea, TextField};
use contract::applications::Source;
use contract::permissions::Permission;
use contract::webhooks::DeployRules;
use leptos::prelude::*;

type Set = Command<api::webhooks::SetRulesCall>;

pub fn card(rules: DeployRules, source: &Source, set: Set) -> AnyView {
    let branch = if let Source::Git { branch, .. } = source { branch.clone() } else { String::new() };
    if !may(Permission::ApplicationsManage) {
        let paths = if rules.watch_paths.is_empty() { "Any".to_owned() } else { rules.watch_paths.join(", ") };
        return view! {
            <Card title="What is deployed">
                <FactRows>
                    <FactRow label="Automatically">{if rules.automatic { "Yes" } else { "No" }}</FactRow>
                    <FactRow label="Branches">{rules.branches.unwrap_or(branch)}</FactRow>
                    <FactRow label="Tags">{rules.tags.unwrap_or_else(|| "None".to_owned())}</FactRow>
                    <FactRow label="Paths">{paths}</FactRow>
                </FactRows>
            </Card>
        }
        .into_any();
    }
    let id = rules.application_id.to_string();
    let (branches, tags) = (rules.branches.unwrap_or_default(), rules.tags.unwrap_or_default());
    view! {
        <Card title="What is deployed" note="A commit whose message says [skip ci] or [skip deploy] is left out.">
            <OperationForm action=set refused="The rules were not saved">
                <FormBody>
                    <input type="hidden" name="application_id" value=id />
                    <Checkbox name="automatic" label="Deploy what is pushed" checked=rules.automatic />
                    <FormPair>
                        <TextField
                            name="branches"
                            label="Branches"
                            value=branches
                            placeholder=branch
                            hint="A name or a pattern such as release/*. Empty: the application's branch."
                            optional=true
                            mono=true
                            error=field_error(set, "branches")
                        />
                        <TextField
                            name="tags"
                            label="Tags"
                            value=tags
                            placeholder="v*"
                            hint="Empty: none."
                            optional=true
                            mono=true
                            error=field_error(set, "tags")
                        />
                    </FormPair>
                    <TextArea
                        name="watch_paths[]"
                        label="Paths that matter"
                        value=rules.watch_paths.join("\n")
                        placeholder="services/api/**"
                        hint="One pattern a line; ! in front takes paths out. Nothing is deployed when no such path differs from what serves. Empty: any."
                        rows=3
                        optional=true
                        mono=true
                        wide=true
                        error=field_error(set, "watch_paths")
                    />
                    <SavePill busy=set.pending() saved=successes(set) />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
