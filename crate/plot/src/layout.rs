//! A panel on its place in the figure.

use candlelight_base::{Error, Result};

use super::drawing::Drawing;
use super::frame::Axes;
use super::head::Head;
use super::heatmap::Heatmap;
use super::images::ImageStack;
use super::layer::Kind;
use super::panel::Panel;
use super::reference;
use super::scene::Scene;
use super::series::Painter;
use super::thumbnails::Thumbnails;

/// A panel, measured: what it needs above its chart, for the chart, and below it.
pub(super) struct Layout<'a> {
    pub top: f64,
    pub height: f64,
    pub bottom: f64,
    panel: &'a Panel,
    head: Head,
    body: Body<'a>,
}

enum Body<'a> {
    Axes(Box<Axes>),
    Heatmap(Box<Heatmap>, &'a [Vec<f64>]),
    Images(Thumbnails, &'a ImageStack),
    Diagram(Drawing<'a>),
}

impl<'a> Layout<'a> {
    /// Measures a panel that has no problems.
    pub fn new(panel: &'a Panel, panel_width: f64, plot_height: f64) -> Result<Self> {
        let mut also = Vec::new();
        let (body, height, bottom) = match panel.layers.first().map(|layer| (&layer.name, &layer.kind)) {
            Some((label, Kind::Heatmap { rows })) => {
                let map = Heatmap::new(panel, label, rows, panel_width, plot_height * 1.15);
                let (height, bottom) = (map.plot_height, map.bottom);
                (Body::Heatmap(Box::new(map), rows), height, bottom)
            }
            Some((_, Kind::Images(stack))) => {
                let grid = Thumbnails::new(stack, panel_width);
                let height = grid.height();
                (Body::Images(grid, stack), height, 0.0)
            }
            Some((_, Kind::Diagram(diagram))) => {
                let Some(drawing) = Drawing::new(diagram, panel_width, plot_height) else {
                    let size = format!("{panel_width} by {plot_height}");
                    return Err(Error::setting("panel size", "large enough for the diagram", size));
                };
                let height = drawing.height;
                (Body::Diagram(drawing), height, 0.0)
            }
            _ => {
                let axes = Axes::new(panel, panel_width, plot_height);
                also = reference::too_long(panel, axes.plot_width);
                let bottom = axes.bottom;
                let height = axes.plot_height;
                (Body::Axes(Box::new(axes)), height, bottom)
            }
        };
        let head = Head::new(panel, panel_width, &also);
        Ok(Self { top: head.height(), height, bottom, panel, head, body })
    }

    /// Draws the panel with its top left corner at (`left`, `top`) and its chart `drop` below.
    pub fn draw(self, scene: &mut Scene, left: f64, top: f64, drop: f64) {
        self.head.draw(scene, left, top);
        let top = top + drop;
        match self.body {
            Body::Heatmap(map, rows) => map.draw(scene, rows, left, top),
            Body::Diagram(drawing) => drawing.draw(scene, left, top),
            Body::Images(grid, stack) => grid.draw(scene, stack, left, top),
            Body::Axes(mut axes) => {
                let frame = axes.place(left + axes.left, top);
                let mut painter = Painter { scene, axes: &axes, frame, marks: Vec::new() };
                painter.draw_background(self.panel);
                if self.panel.layers.iter().all(|layer| layer.kind.mesh().is_none()) {
                    axes.draw_grid(painter.scene, &frame);
                }
                axes.draw(painter.scene, &frame, left);
                painter.draw(self.panel);
                let marks = std::mem::take(&mut painter.marks);
                reference::draw(self.panel, &axes, &frame, &marks, scene);
            }
        }
    }
}
