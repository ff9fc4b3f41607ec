"""The page: a tab for each rung of the ladder, and one that compares revisions."""

import threading

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ladder.files.errors import InputError
from ladder.predict.outputs import Outputs
from tools.demo.celsius_tab import celsius_tab
from tools.demo.digits_tab import digits_tab
from tools.demo.drivers_tab import drivers_tab
from tools.demo.revisions_tab import revisions_tab

TITLE = "Gradient descent, one rung at a time"
TABS = {
    "Digits": digits_tab,
    "Celsius": celsius_tab,
    "Drivers": drivers_tab,
    "Revisions": revisions_tab,
}
MAX_UPLOAD = 20 * 2**20  # bytes
MAX_WAITING = 32  # requests
UPLOADS_KEPT = 600  # seconds
# Themes name fonts that the browser would fetch: these are the system's own.
THEME = gr.themes.Default(
    font=[gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")],
    font_mono=[gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")],
)
CSS = """
#seen img, #picture img, #heat img { width: 100%; height: 100%; object-fit: contain; }
#seen img { image-rendering: pixelated; }
#pad .html-container { padding: 0; }
#table { overflow-x: auto; }
#table td, #table th { white-space: nowrap; }
@media (max-width: 480px) { .tab-container button { padding: 0 6px; font-size: 0.9em; } }
"""


def build_page(outputs: Outputs) -> gr.Blocks:
    """The page for the models of `outputs`; a tab whose model is missing or damaged says so in one line."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(UPLOADS_KEPT, UPLOADS_KEPT)) as page:
        gr.Markdown(f"# {TITLE}")
        for name, fill in TABS.items():
            with gr.Tab(name):
                try:
                    fill(outputs)
                except InputError as error:
                    gr.Markdown(str(error))
                    print(f"{name}: {error}", flush=True)
    return page.queue(max_size=MAX_WAITING)


def serve(host: str, port: int) -> None:
    """Serve the page until Ctrl-C, which is how it is meant to end."""
    page = build_page(Outputs())
    page.launch(
        server_name=host,
        server_port=port,
        share=False,
        ssr_mode=False,
        run_history=False,
        max_file_size=MAX_UPLOAD,
        theme=THEME,
        css=CSS,
        footer_links=[],
        quiet=True,
        prevent_thread_lock=True,
        # A page of another site whose name leads to this machine is not answered.
        app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=[host, "localhost"])]},
    )
    try:  # who reads the address may answer it with Ctrl-C at once
        print(f"the page is at http://{host}:{port}; Ctrl-C ends it", flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        page.close(verbose=False)
        print("stopped", flush=True)
