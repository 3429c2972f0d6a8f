import http.client, json
import pytest
from registry.services import move_alias, save_brain_spec, ensure_model
from registry.accounts.services import issue_token
from tests.registry.checkpoints import DENSE, WIDER


def test_look(web_server, chromium, register, model, instructor, student, classroom, tmp_path):
    v1 = register(
        lineage={"level": "L0", "spec_hash": "sha256:" + "ab" * 32},
        metrics={"survival_steps": 123.456, "score": 0.25},
    )
    v2 = register(seed=1, brain=WIDER, user=instructor)
    move_alias(model, "best", v1, instructor)
    ensure_model("empty-one", "town", instructor, classroom)
    save_brain_spec("small", DENSE, instructor)
    issue_token(instructor, "notebook", ["read", "predict"])
    for scheme in ("light", "dark"):
        for name, width in (("desktop", 1280), ("phone", 390)):
            page = chromium.new_context(
                color_scheme=scheme, viewport={"width": width, "height": 900}
            ).new_page()
            page.on("console", lambda m: print("CONSOLE", m.type, m.text))
            page.on(
                "response", lambda r: print("HTTP", r.status, r.url) if r.status >= 400 else None
            )

            def shot(what):
                over = page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                if over > 0:
                    print("OVERFLOW", what, name, over)
                if (scheme, name) in (("light", "desktop"), ("dark", "phone")):
                    page.screenshot(path=f"/tmp/shots/{what}-{name}.png", full_page=True)

            page.goto(web_server + "/accounts/login/")
            shot("login")
            page.goto(web_server + "/accounts/join/")
            shot("join")
            page.goto(web_server + "/accounts/login/")
            page.fill("#id_username", "instructor")
            page.fill("#id_password", instructor.plain_password)
            page.click("main form button")
            page.wait_for_url("**/runs/**")
            page.goto(web_server + "/accounts/")
            shot("account")
            page.goto(web_server + "/models/")
            shot("models")
            page.goto(web_server + "/models/walker/")
            page.fill("#alias-name", f"good{scheme}{name}")
            page.click("#aliases button.primary")
            page.wait_for_selector(f"#aliases td:text-is('good{scheme}{name}')")
            page.fill("#alias-name", "latest")
            page.click("#aliases button.primary")
            page.wait_for_selector("#aliases [role=alert]")
            page.click("#aliases summary")
            shot("model")
            page.goto(web_server + "/models/walker/versions/1.0.0/")
            shot("version")
            page.goto(web_server + "/models/brains/")
            shot("brains")
            page.goto(web_server + "/models/brains/small/")
            shot("brain")
            page.goto(web_server + "/models/brains/new/")
            page.fill("#id_name", "a b")
            page.fill("#id_yaml_text", "architecture: {type: dueling, layers: 3}\nextra: 1")
            page.click("main form button.primary")
            page.wait_for_selector(".field-error")
            shot("brain_form")
            page.close()
    # chunked body
    host = web_server.removeprefix("http://")
    _, secret = issue_token(student, "p", ["predict"])
    c = http.client.HTTPConnection(host)
    body = json.dumps({"model": "walker", "version": "1.0.0", "observation": [0.0] * 38}).encode()
    c.request(
        "POST",
        "/api/v1/predict",
        body=iter([body[:20], body[20:]]),
        headers={"Authorization": "Bearer " + secret, "Content-Type": "application/json"},
        encode_chunked=True,
    )
    r = c.getresponse()
    print("CHUNKED", r.status, r.read()[:300])
