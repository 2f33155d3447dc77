//! What is to be trained: menus, all of them in the address.

use crate::components::Choices;
use crate::lab::Lab;
use crate::state::{BackendChoice, OwnKind};
use crate::text::{self as shared, train as text};
use crate::train::recipe::{
    BATCHES, CLASSES, EPOCHS, IMAGES, LAST_SEED, Method, NORMS, OBJECTIVES, POLLUTIONS, RATES, Recipe, SIZES, WIDTHS,
};
use leptos::prelude::*;
use nsa_core::config::{Norm, Objective};

/// Menus for what both runs share and for what each has of its own.
#[component]
pub fn RecipeForm(lab: Lab) -> impl IntoView {
    let recipe = Memo::new(move |_| lab.state.with(|s| s.train.clone()));
    let number =
        move |label: &'static str, name: &'static str, choices: Vec<usize>, of: fn(&mut Recipe) -> &mut usize| {
            let now = Memo::new(move |_| *of(&mut recipe.get()));
            let choose = move |text: String| {
                if let Ok(value) = text.parse() {
                    lab.choose(|state| *of(&mut state.train) = value);
                }
            };
            menu(label, name, choices.into_iter().map(|c| (c.to_string(), c.to_string())).collect(), now, choose)
        };
    let second = move || recipe.with(|r| r.b.is_some());
    let compare = move |on: bool| lab.choose(|state| state.train.b = on.then(|| Recipe::default().b).flatten());
    let seed = move |text: String| {
        if let Ok(seed) = text.parse::<usize>() {
            lab.choose(|state| state.train.seed = seed.min(LAST_SEED));
        }
    };
    let kinds = OwnKind::ALL.iter().map(|kind| (kind.word().to_string(), text::own(*kind).to_string()));
    let subjects = std::iter::once(("digit".into(), text::DIGITS.into())).chain(kinds).collect();
    let learn = move |word: String| lab.choose(|state| state.train.own = OwnKind::from_word(&word));
    view! {
        <div class="recipe" data-part="controls">
            <fieldset>
                <legend>{text::COMMON}</legend>
                {menu(text::SUBJECT, "train-subject", subjects, Memo::new(move |_| recipe.with(|r| r.own.map_or("digit", OwnKind::word))), learn)}
                {move || recipe.with(|r| r.own.is_none()).then(|| number(text::CLASS, "train-class", (0..CLASSES).collect(), |r| &mut r.class))}
                {number(text::SIZE, "train-size", SIZES.to_vec(), |r| &mut r.size)}
                {number(text::WIDTH, "train-width", WIDTHS.to_vec(), |r| &mut r.width)}
                {number(text::BATCH, "train-batch", BATCHES.to_vec(), |r| &mut r.batch)}
                {number(text::IMAGES, "train-images", IMAGES.to_vec(), |r| &mut r.images)}
                {number(text::EPOCHS, "train-epochs", EPOCHS.to_vec(), |r| &mut r.epochs)}
                <label class="field">
                    <span>{text::SEED}</span>
                    <input
                        type="number"
                        name="train-seed"
                        min="0"
                        max=LAST_SEED.to_string()
                        prop:value=move || recipe.with(|r| r.seed.to_string())
                        on:change:target=move |e| seed(e.target().value())
                    />
                </label>
                <Choices
                    legend=shared::ENGINE
                    name="train-backend"
                    options=BackendChoice::ALL.iter().map(|&c| (c, shared::backend(c))).collect()
                    chosen=Signal::derive(move || lab.state.with(|s| s.backend))
                    choose=move |choice| lab.choose(|state| state.backend = choice)
                />
                <label class="check">
                    <input type="checkbox" name="train-compare" prop:checked=second on:change:target=move |e| compare(e.target().checked())/>
                    <span>{text::COMPARE}</span>
                </label>
            </fieldset>
            <MethodMenus lab recipe index=0/>
            {move || second().then(|| view! { <MethodMenus lab recipe index=1/> })}
        </div>
    }
}

/// What one run has of its own.
#[component]
fn MethodMenus(lab: Lab, recipe: Memo<Recipe>, index: usize) -> impl IntoView {
    let method = Memo::new(move |_| recipe.with(|r| if index == 0 { r.a } else { r.b.unwrap_or(r.a) }));
    let change = move |change: &dyn Fn(&mut Method)| {
        lab.choose(|state| match (index, &mut state.train.b) {
            (0, _) => change(&mut state.train.a),
            (_, Some(b)) => change(b),
            _ => {}
        });
    };
    let name = move |what: &str| format!("train-{what}-{}", if index == 0 { 'a' } else { 'b' });
    // Of a person's own images none is known to be an anomaly or an outlier.
    let unknown = Memo::new(move |_| recipe.with(|r| r.own.is_some()));
    let objectives = move || {
        let offered = OBJECTIVES.iter().filter(|o| !(unknown.get() && o.is_told_anomalies()));
        offered.map(|o| (o.to_string(), text::objective(*o))).collect()
    };
    let norms: Vec<_> = NORMS.iter().map(|n| (n.to_string(), text::norm(*n).to_string())).collect();
    let pollutions: Vec<_> = POLLUTIONS.iter().map(|p| (p.to_string(), format!("{p} %"))).collect();
    let rates = RATES.iter().map(|r| (r.to_string(), r.to_string())).collect();
    let objective = move |word: String| {
        if let Ok(objective) = word.parse::<Objective>() {
            change(&|method| *method = method.learning(objective));
        }
    };
    let norm = move |word: String| {
        if let Ok(norm) = word.parse::<Norm>() {
            change(&|method| method.norm = norm);
        }
    };
    let pollution = move |word: String| {
        if let Ok(share) = word.parse::<usize>() {
            change(&|method| method.pollution = share);
        }
    };
    let biases_name = name("biases");
    let rate = move |word: String| {
        if let Ok(rate) = word.parse::<f64>() {
            change(&|method| method.rate = rate);
        }
    };
    view! {
        <fieldset class="method" data-run=index>
            <legend>{text::RUNS[index]}<span class="method-name">{move || method.with(Method::name)}</span></legend>
            {move || {
                let now = Memo::new(move |_| method.with(|m| m.objective.to_string()));
                menu(text::OBJECTIVE, &name("objective"), objectives(), now, objective)
            }}
            {move || {
                let now = Memo::new(move |_| method.with(|m| m.norm.to_string()));
                method.with(|m| !m.objective.is_rival()).then(|| menu(text::NORM, &name("norm"), norms.clone(), now, norm))
            }}
            {move || {
                let now = Memo::new(move |_| method.with(|m| m.pollution));
                (!unknown.get()).then(|| menu(text::POLLUTION, &name("pollution"), pollutions.clone(), now, pollution))
            }}
            {move || {
                let change = move |on| change(&|method: &mut Method| method.biases = on);
                method.with(|m| m.objective == Objective::DeepSvdd).then(|| view! {
                    <label class="check">
                        <input type="checkbox" name=biases_name.clone() prop:checked=move || method.with(|m| m.biases) on:change:target=move |e| change(e.target().checked())/>
                        <span>{text::BIASES}</span>
                    </label>
                })
            }}
            {menu(text::RATE, &name("rate"), rates, Memo::new(move |_| method.with(|m| m.rate)), rate)}
        </fieldset>
    }
}

/// A menu of values and their names. A value of the address that is not among them stands there all the same.
fn menu<T: ToString + PartialEq + Send + Sync + 'static>(
    label: &'static str,
    name: &str,
    choices: Vec<(String, String)>,
    now: Memo<T>,
    choose: impl Fn(String) + 'static,
) -> AnyView {
    let name = name.to_string();
    let options = move || {
        let chosen = now.with(ToString::to_string);
        let other = (!choices.iter().any(|(value, _)| *value == chosen)).then(|| (chosen.clone(), chosen.clone()));
        let option = |(value, title): (String, String)| {
            let selected = value == chosen;
            view! { <option value=value selected=selected>{title}</option> }
        };
        choices.iter().cloned().chain(other).map(option).collect_view()
    };
    let choose = StoredValue::new_local(choose);
    view! {
        <label class="field">
            <span>{label}</span>
            <select name=name on:change:target=move |e| choose.with_value(|choose| choose(e.target().value()))>{options}</select>
        </label>
    }
    .into_any()
}
