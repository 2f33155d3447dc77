//! What a chart or a picture is made of: its data as a table, and all of it as files.

use crate::charts::Table;
use crate::lab::Lab;
use crate::{export, text};
use leptos::prelude::*;
use leptos::svg;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlCanvasElement, XmlSerializer};

/// The table, folded away until it is wanted, and the buttons that save it and the drawing.
#[component]
pub fn Data(
    /// Name of the files: `chart-kappa` becomes `kappa-MODEL.svg`.
    name: &'static str,
    /// The data.
    table: Signal<Table>,
    /// The drawing, if it is SVG.
    #[prop(optional)]
    drawing: Option<NodeRef<svg::Svg>>,
    /// The `data-testid` of the picture, if it is a canvas.
    #[prop(optional)]
    picture: Option<&'static str>,
) -> impl IntoView {
    let (open, set_open) = signal(false);
    let shown = move || open.get().then(|| table.with(table_view));
    let lab = use_context::<Lab>();
    let file = move |kind: &str| file_name(lab, name, kind);
    let save_csv =
        move |_| told(export::save(&file("csv"), "text/csv", export::csv(&table.get_untracked()).as_bytes()));
    let save_svg = move |_| {
        if let Some((svg, ..)) = drawing.and_then(standing_alone) {
            told(export::save(&file("svg"), "image/svg+xml", svg.as_bytes()));
        }
    };
    let save_png = move |_| {
        let name = file("png");
        let canvas = picture.and_then(|id| {
            let found = document().query_selector(&format!("[data-testid={id}] canvas")).ok().flatten();
            found?.dyn_into::<HtmlCanvasElement>().ok()
        });
        spawn_local(async move {
            match (canvas, drawing.and_then(standing_alone)) {
                (Some(canvas), _) => told(export::save_canvas(&name, &canvas).await),
                (None, Some((svg, width, height))) => told(export::save_png(&name, &svg, width, height).await),
                (None, None) => {}
            }
        });
    };
    view! {
        <details class="data" data-part="data" on:toggle=move |_| set_open.update(|open| *open = !*open)>
            <summary>{text::DATA}</summary>
            <p class="exports">
                <button type="button" class="quiet" on:click=save_csv>{text::shell::save("CSV")}</button>
                {drawing.map(|_| view! { <button type="button" class="quiet" on:click=save_svg>{text::shell::save("SVG")}</button> })}
                <button type="button" class="quiet" on:click=save_png>{text::shell::save("PNG")}</button>
            </p>
            <div class="scroll" tabindex="0">{shown}</div>
        </details>
    }
}

fn table_view(table: &Table) -> impl IntoView + use<> {
    let cells = |row: &Vec<String>| row.iter().map(|cell| view! { <td>{cell.clone()}</td> }).collect_view();
    view! {
        <table>
            <thead>
                <tr>{table.head.iter().map(|title| view! { <th scope="col">{title.clone()}</th> }).collect_view()}</tr>
            </thead>
            <tbody>{table.rows.iter().map(|row| view! { <tr>{cells(row)}</tr> }).collect_view()}</tbody>
        </table>
    }
}

/// `kappa-digits.svg`.
fn file_name(lab: Option<Lab>, name: &str, kind: &str) -> String {
    let model = lab.and_then(|lab| untrack(|| lab.model.id()));
    let name = name.trim_start_matches("chart-");
    model.map_or(format!("{name}.{kind}"), |model| format!("{name}-{model}.{kind}"))
}

/// A drawing as a file, with its width and height.
fn standing_alone(drawing: NodeRef<svg::Svg>) -> Option<(String, f64, f64)> {
    let element = drawing.get_untracked()?;
    let size = element.get_attribute("viewBox")?;
    let mut numbers = size.split(' ').skip(2).filter_map(|number| number.parse::<f64>().ok());
    let (width, height) = (numbers.next()?, numbers.next()?);
    let serializer = XmlSerializer::new().ok()?;
    let children = element.child_nodes();
    let inside: String =
        (0..children.length()).filter_map(|i| serializer.serialize_to_string(&children.item(i)?).ok()).collect();
    Some((export::svg(&inside, width, height), width, height))
}

fn told(result: Result<(), JsValue>) {
    if let Err(error) = result {
        web_sys::console::error_1(&error);
    }
}
