// --8<-- [start:settings]
var tarteaucitronForceExpire = 182;
tarteaucitron.init({ cookieName: "tarteaucitron", highPrivacy: true, removeCredit: true });
tarteaucitron.job = ["visits", "ads"];
// --8<-- [end:settings]
// Services of one's own, where sites have some of the tool's.
for (const [key, type, name] of [
  ["visits", "analytic", "Visits"],
  ["ads", "ads", "Ads"],
]) {
  const nothing = () => {};
  tarteaucitron.services[key] = {
    ...{ key, type, name, uri: "/", needConsent: true, cookies: [] },
    ...{ js: nothing, fallback: nothing },
  };
}
