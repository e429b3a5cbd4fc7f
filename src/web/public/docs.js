// Shows openapi.json. To read only: this origin is no place to invite people to type passwords into a form of others.
const scheme = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', scheme.matches);
scheme.addEventListener('change', follow);
follow();
const hide = () => () => null;
SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  supportedSubmitMethods: [],
  validatorUrl: null,
  // No form for tokens either.
  plugins: [{ wrapComponents: { authorizeBtn: hide, authorizeOperationBtn: hide } }],
});
