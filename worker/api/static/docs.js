// A key that is typed into the page stays in it: it is not remembered by the browser.
window.SwaggerUIBundle({ url: "v1/openapi.json", dom_id: "#api", deepLinking: false, persistAuthorization: false, validatorUrl: null });
