var klaroConfig = {
  storageName: "klaro",
  cookieExpiresAfterDays: 120,
  acceptAll: true,
  services: [
    { name: "visits", title: "Visits", purposes: ["statistics"] },
    { name: "ads", title: "Ads", purposes: ["advertising"] },
  ],
};
